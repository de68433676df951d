#!/usr/bin/env bash
# Builds exported/generic from this repository alone. The preset compact is trained for 14 epochs on 72 simulated people
# (seeds 100-171, two donnings of 3 minutes each); people 180-187 choose the epoch. Takes an hour on one core. A stopped
# run continues where it was; sessions and checkpoints stay in runs/generic.
set -euo pipefail
cd "$(dirname "$0")/.."

emgtype=.venv/bin/emgtype
runs=runs/generic
$emgtype simulate --people 100-171 --sessions 2 --minutes 3 --words --text train --out $runs/train
$emgtype simulate --people 180-187 --sessions 1 --minutes 2 --words --text train --out $runs/validation
$emgtype train --sessions $runs/train --validation $runs/validation --preset compact --epochs 14 --out $runs/run --resume
$emgtype export $runs/run/checkpoints/best.ckpt --out exported/generic --lm exported/demo --measure $runs/validation \
    --card scripts/generic_card.md --trained-on "simulated people 100-171, two donnings of 3 minutes each (scripts/build_generic.sh)"
[ -d $runs/test ] || $emgtype simulate --people 200-207 --sessions 2 --minutes 2 --words --text test --out $runs/test
$emgtype quantise exported/generic --calibrate $runs/train/person100-0.hdf5 --calibrate $runs/train/person130-1.hdf5 \
    --calibrate $runs/train/person160-0.hdf5 --measure $runs/test | tee exported/generic/int8.txt
cp $runs/run/metrics.jsonl exported/generic/training.jsonl
.venv/bin/python -c "from pathlib import Path; from adapters.bundles.checksums import write_checksums; write_checksums(Path('exported/generic'))"
