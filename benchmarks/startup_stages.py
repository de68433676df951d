"""`emgtype serve` that says on standard error how long it spends where until it is ready; benchmarks.startup runs it.

    python -m benchmarks.startup_stages MONOTONIC_SECONDS serve --stream NAME ...

The first argument is when this process was started. Nothing but the standard library is imported before the clock is
read, and what is measured are functions of the lower layers, wrapped before anybody imports them.
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
"""Module, function, and what it does."""


def _tell(stage: str, seconds: float) -> None:
    print(WORD, seconds, stage, file=sys.stderr, flush=True)


def _timed(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        start = time.monotonic()
        try:
            return function(*arguments, **named)
        finally:
            _tell(stage, time.monotonic() - start)

    return call


def _wrap(module: str, name: str, stage: str) -> None:
    """Put a clock around a function or method; it must be there."""
    *owners, last = name.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    found = getattr(owner, last)
    bound = hasattr(found, "__self__")  # a class method is bound to its class already
    setattr(owner, last, staticmethod(_timed(found, stage)) if bound else _timed(found, stage))


def main() -> None:
    """Command line."""
    started = time.monotonic()
    _tell("python", started - float(sys.argv.pop(1)))
    for module, name, stage in _MEASURED:
        _wrap(module, name, stage)
    importlib.import_module("emgtype.commands.serve")
    cli = importlib.import_module("emgtype.cli")
    _tell("imports", time.monotonic() - started)
    cli.main()


if __name__ == "__main__":
    main()
