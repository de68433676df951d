# One word each. An environment of its own, .venv, is made when needed and kept; PYTHON=... chooses the interpreter.
#   make demo    two simulated wristbands over LSL, decoded live (no torch)
#   make test    lint, then every test of at most 20 s
#   make test-long     the tests that take longer
#   make test-peers    install what the tests against braindecode and ray need
#   make lint    ruff, mypy --strict, import contracts, the sizes of the house
#   make bench   every figure that the project states, as tables and as JSON in build/bench/ (hours: the decoder's peers)
#   make peers   .peers, an environment with other decoders for benchmarks.decoder_against_peers
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long test-peers lint bench peers

demo: .venv/.core
	$(BIN)/emgtype demo

test: lint
	$(BIN)/python -m pytest -m "not long"

test-long: .venv/.full
	$(BIN)/python -m pytest -m long

test-peers: .venv/.test-peers

lint: .venv/.full
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

# emission_delay trains for an hour and encoder_bytes wants held-out sessions: they are told on what. decoder_peers is
# called by decoder_against_peers, startup_stages by startup.
NOT_ALONE := emission_delay encoder_bytes decoder_peers startup_stages
bench: .venv/.full peers
	@set -e; for name in $(filter-out $(NOT_ALONE),$(basename $(notdir $(shell grep -l __main__ benchmarks/*.py)))); do \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name --json build/bench/$$name.json; done

peers: .peers/.installed

.peers/.installed:
	$(PYTHON) -m venv .peers
	.peers/bin/pip install --quiet 'flashlight-text>=0.0.7' 'ctc-beam-decoder>=0.2' 'pyctcdecode>=0.5' 'kenlm>=0.2'
	@touch $@

# An environment is installed again when pyproject.toml, constraints.txt or the C++ has changed. The constraints pin the
# exact version of torch that the makers use; pyproject.toml accepts a range.
NATIVE := hatch_build.py $(wildcard decoder/native/*)

.venv/.core: pyproject.toml constraints.txt $(NATIVE) | $(BIN)/python
	@echo "installing emgtype into .venv (a few minutes, since kenlm and the decoder are compiled)"
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable .
	@touch $@

.venv/.full: pyproject.toml constraints.txt $(NATIVE) | $(BIN)/python
	@echo "installing emgtype with torch and the developers' tools into .venv (some minutes)"
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable '.[dev,train]'
	$(BIN)/python -m pip install --quiet --no-deps 'pyctcdecode>=0.5' 'pygtrie>=2.1,<3'  # its pin of numpy below 2 needs not hold
	@touch .venv/.core $@

# braindecode without its dependencies: those of its one module that the tests use stand in the extra.
.venv/.test-peers: pyproject.toml | .venv/.full
	$(BIN)/python -m pip install --quiet $(if $(wildcard constraints.txt),--constraint constraints.txt) --editable '.[test-peers]'
	$(BIN)/python -m pip install --quiet --no-deps 'braindecode>=1.8,<1.9'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "found Python " + sys.version.split()[0] + ", emgtype needs 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
