"""Run `emgtype serve` with clocks: it prints the time of each stage of its start on standard error.

    python -m benchmarks.startup_stages MONOTONIC_SECONDS serve --stream NAME ...

benchmarks.startup runs it. The first argument is the time of this process's start. Nothing but the standard library is
imported before the clock is read; the measured functions of the lower layers are wrapped before they are imported.
"""

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

WORD = "STAGE"
_MEASURED = (
    ("streamer.encoder.onnx_file", "read_facts", "bundle's facts"),
    ("adapters.bundles.language_tables", "read_tables", "language model"),
    ("decoder.language.flat", "FlatScorer.__init__", "language model"),
    ("streamer.encoder.batch", "EncoderBatch.__init__", "encoder session"),
    ("adapters.lsl.discover", "resolve", "finding streams"),
    ("adapters.lsl.source", "open_sources", "LSL in all"),
)
"""Module, function, and the name of its stage."""


def _report(stage: str, seconds: float) -> None:
    print(WORD, seconds, stage, file=sys.stderr, flush=True)


def _timed(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        start = time.monotonic()
        try:
            return function(*arguments, **named)
        finally:
            _report(stage, time.monotonic() - start)

    return call


def _wrap(module: str, name: str, stage: str) -> None:
    """Put a clock around a function or method.

    Raises:
        AttributeError: There is no such function.
    """
    *owners, last = name.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    function = getattr(owner, last)
    # A class method is bound to its class already.
    bound = hasattr(function, "__self__")
    setattr(owner, last, staticmethod(_timed(function, stage)) if bound else _timed(function, stage))


def main() -> None:
    """Run the command line."""
    started = time.monotonic()
    _report("python", started - float(sys.argv.pop(1)))
    for module, name, stage in _MEASURED:
        _wrap(module, name, stage)
    importlib.import_module("emgtype.commands.serve")
    cli = importlib.import_module("emgtype.cli")
    _report("imports", time.monotonic() - started)
    cli.main()


if __name__ == "__main__":
    main()
