#!/usr/bin/env bash
# Builds the demo bundle from nothing but this repository: simulates person 1 on donnings 1000-1043 (training) and
# 2000-2001 (choice of the epoch), trains the compact preset, exports, and states the accuracy on donnings 3000-3003.
# About an hour on two cores. A run that was stopped goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

emgtype=.venv/bin/emgtype
runs=runs/demo
[ -d $runs/train ] || $emgtype simulate --person 1 --donning 1000 --sessions 44 --minutes 4 --text train --out $runs/train
[ -d $runs/validation ] || $emgtype simulate --person 1 --donning 2000 --sessions 2 --minutes 4 --text train --out $runs/validation
$emgtype train --sessions $runs/train --validation $runs/validation --preset compact --out $runs/run --resume
[ -f exported/demo/lm.binary ] || scripts/build_demo_lm.sh
$emgtype export $runs/run/checkpoints/best.ckpt --out exported/demo --lm exported/demo --measure $runs/validation \
    --card scripts/demo_card.md --trained-on "simulated person 1, 44 donnings of 4 minutes (scripts/build_demo.sh)"
cp $runs/run/metrics.jsonl exported/demo/training.jsonl
.venv/bin/python -m benchmarks.accuracy | tee exported/demo/accuracy.txt
.venv/bin/python -c "from pathlib import Path; from training.export import write_checksums; write_checksums(Path('exported/demo'))"
