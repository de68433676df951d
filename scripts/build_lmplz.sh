#!/usr/bin/env bash
# Compiles KenLM's programs lmplz and build_binary, which its Python package does not contain, from the same source
# distribution. They are needed to build a language model, not to run emgtype.
#   scripts/build_lmplz.sh [FOLDER]     installs bin/lmplz and bin/build_binary into FOLDER (default .lmplz)
# Needs g++, cmake and, on Debian:
#   apt-get install libboost-program-options-dev libboost-system-dev libboost-thread-dev libboost-test-dev zlib1g-dev
set -euo pipefail

VERSION=0.3.0
# The checksum ensures that a model can be built again with exactly the same program.
SHA256=c4628bb9fb63c8a6f9240035b8b037385cfc404cb72e933cf48878291edac1e8

prefix=$(realpath -m "${1:-.lmplz}")
python=$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m pip download --quiet --no-deps --no-binary kenlm --dest "$work" "kenlm==$VERSION"
echo "$SHA256  $work/kenlm-$VERSION.tar.gz" | sha256sum --check --quiet
tar -xzf "$work/kenlm-$VERSION.tar.gz" -C "$work"
# The Python package, too, reads n-grams of up to order 6.
cmake -S "$work/kenlm-$VERSION" -B "$work/build" -DKENLM_MAX_ORDER=6 -DENABLE_INTERPOLATE=OFF -DBUILD_TESTING=OFF \
    -DCMAKE_BUILD_TYPE=Release >"$work/cmake.log" 2>&1 || { cat "$work/cmake.log" >&2; exit 1; }
cmake --build "$work/build" --target lmplz build_binary --parallel "${JOBS:-2}" >"$work/build.log" 2>&1 ||
    { tail -40 "$work/build.log" >&2; exit 1; }
mkdir -p "$prefix/bin"
cp "$work/build/bin/lmplz" "$work/build/bin/build_binary" "$prefix/bin/"
echo "built $prefix/bin/lmplz and $prefix/bin/build_binary (KenLM $VERSION)"
