"""Live samples for a command that only looks at them, such as `emgtype check` and `emgtype doctor`."""

import time
from collections.abc import Iterator

from adapters.lsl.source import LSLSource
from messages.signal import Chunk

_LONGEST_PULL_S = 0.25


def newest(source: LSLSource, seconds: float) -> Iterator[Chunk]:
    """Yield the samples that arrive within so many seconds; older ones that still wait in the source are dropped."""
    source.flush()
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if chunk := source.pull(min(_LONGEST_PULL_S, end - now)):
            yield chunk
