#!/usr/bin/env bash
# Builds exported/demo from exported/generic. The model is personalised on sixteen sessions of the simulated person 1
# (donnings 1000-1015, 4 minutes each), and its accuracy is measured on donnings 3000-3003. Takes twenty minutes on two
# cores.
set -euo pipefail
cd "$(dirname "$0")/.."

emgtype=.venv/bin/emgtype
runs=runs/demo
[ -d $runs/sessions ] || $emgtype simulate --person 1 --donning 1000 --sessions 16 --minutes 4 --text train --out $runs/sessions
[ -f exported/demo/lm.binary ] || scripts/build_demo_lm.sh
rm -rf $runs/demo
$emgtype personalise --base exported/generic --session $runs/sessions --out $runs/demo --steps 1200 | tee $runs/personalise.txt
cp $runs/demo/encoder.onnx $runs/demo/weights.ckpt exported/demo/
cp scripts/demo_card.md exported/demo/README.md
cp $runs/personalise.txt exported/demo/training.txt
[ -d $runs/held_out ] || $emgtype simulate --person 1 --donning 2000 --sessions 8 --minutes 4 --text test --out $runs/held_out
$emgtype quantise exported/demo --calibrate $runs/sessions/person1-1000.hdf5 --calibrate $runs/sessions/person1-1005.hdf5 \
    --calibrate $runs/sessions/person1-1010.hdf5 --measure $runs/held_out | tee exported/demo/int8.txt
.venv/bin/python -m benchmarks.accuracy | tee exported/demo/accuracy.txt
.venv/bin/python -c "from pathlib import Path; from adapters.bundles.checksums import write_checksums; write_checksums(Path('exported/demo'))"
