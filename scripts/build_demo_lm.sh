#!/usr/bin/env bash
# Builds the demo's language model into exported/demo (lm.binary, lm.json) from the `lm` split of data/english.txt.gz, and
# prints how well it predicts the `test` split. Needs lmplz: scripts/build_lmplz.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
"$python" -m emgtype.cli lm build lm --units text --order 6 --out exported/demo --weight 0.65 --bonus 2 \
    --source "U.S. presidential addresses since 1900 and Moby-Dick (split lm of data/english.txt.gz)" --licence "CC0-1.0"
"$python" -m benchmarks.lm_perplexity --lm exported/demo --text test
