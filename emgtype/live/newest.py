"""Live samples for a look at them."""

import time
from collections.abc import Iterator

from adapters.lsl.source import LSLSource
from messages.signal import Chunk

_PULL = 0.25  # seconds


def newest(source: LSLSource, seconds: float) -> Iterator[Chunk]:
    """What comes within so many seconds; what has waited is dropped."""
    source.flush()
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if chunk := source.pull(min(_PULL, end - now)):
            yield chunk
