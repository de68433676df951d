#!/usr/bin/env bash
# Evaluates the rows of emg2qwerty's table on eight simulated people on whom exported/generic was not trained (seeds
# 200-207, four donnings of 8 minutes each: two to train, one to choose the epoch, one to test). The generic model is
# tested on all eight people; for three of them, a model with random initial weights and the personalised generic model
# are tested too. Takes two hours on one core; finished parts stay in runs/evaluation and are not repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

emgtype=.venv/bin/emgtype
runs=runs/evaluation
data=$runs/people
models=$runs/models
[ -f $data/metadata.csv ] || $emgtype simulate --people 200-207 --sessions 4 --minutes 8 --words --text test --out $data
[ -f $data/splits.yaml ] || $emgtype data splits $data --out $data/splits.yaml --test-users 8 --min-train 2 --val 1 --test 1 --tagged
mkdir -p $models/scratch $models/finetuned
ln -sfn "$PWD/exported/generic" $models/generic

# sessions LIST: prints the files of a list (train, val) of the user's splits
sessions() {
    .venv/bin/python - "$data" "$splits" "$1" <<'PYTHON'
import sys
from pathlib import Path
from adapters.datasets.splits import read_splits

data, splits, name = sys.argv[1:]
for _, session in getattr(read_splits(Path(splits)), name):
    print(Path(data) / f"{session}.hdf5")
PYTHON
}

for n in 0 1 2; do
    splits=$data/user$n.yaml
    user=$(grep -m 1 -o '[0-9]\{8\}' "$splits")
    if [ ! -d "$models/scratch/$user" ]; then
        $emgtype train --data $data --splits "$splits" --preset compact --epochs 60 --set validate_minutes=1.5 \
            --out "$runs/scratch/$user" --resume
        $emgtype export "$runs/scratch/$user/checkpoints/best.ckpt" --out "$models/scratch/$user" \
            --lm exported/demo --measure "$(sessions val)"
    fi
    if [ ! -d "$models/finetuned/$user" ]; then
        named=()
        for file in $(sessions train) $(sessions val); do named+=(--session "$file"); done
        $emgtype personalise --base exported/generic "${named[@]}" --steps 600 --out "$models/finetuned/$user"
    fi
done
$emgtype evaluate --data $data --models $models --splits $data/splits.yaml --out $runs/report | tee exported/generic/evaluation.txt
.venv/bin/python -c "from pathlib import Path; from adapters.bundles.checksums import write_checksums; write_checksums(Path('exported/generic'))"
