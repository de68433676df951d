#!/usr/bin/env bash
# Builds exported/generic from nothing but this repository: a population of 48 simulated people (seeds 100-147, two
# donnings of 4 minutes each) trains the preset compact for 8 epochs; people 160-167 choose the epoch. Two hours on one
# core. A run that was stopped goes on where it was; sessions and checkpoints stay in runs/generic.
set -euo pipefail
cd "$(dirname "$0")/.."

emgtype=.venv/bin/emgtype
runs=runs/generic
$emgtype simulate --people 100-147 --sessions 2 --minutes 4 --text train --out $runs/train
$emgtype simulate --people 160-167 --sessions 1 --minutes 2 --text train --out $runs/validation
$emgtype train --sessions $runs/train --validation $runs/validation --preset compact --epochs 8 --out $runs/run --resume
$emgtype export $runs/run/checkpoints/best.ckpt --out exported/generic --lm exported/demo --measure $runs/validation \
    --card scripts/generic_card.md --trained-on "simulated people 100-147, two donnings of 4 minutes each (scripts/build_generic.sh)"
cp $runs/run/metrics.jsonl exported/generic/training.jsonl
.venv/bin/python -c "from pathlib import Path; from training.export import write_checksums; write_checksums(Path('exported/generic'))"
