"""Plays a session as LSL streams, at the pace of its time stamps."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import chain

from pylsl import local_clock

from adapters.lsl_outlet import LSLOutlet
from decoder.errors import InputError
from emgtype.replay import paced, pieces
from streamer.chunk import Chunk

_PIECE = 32  # samples per push: 16 ms, as a radio would deliver them


def play(
    chunks: Iterable[Chunk], names: Sequence[str], *, sample_numbers: bool, wait: float, tell: Callable[[str], None]
) -> float:
    """Play chunks as one stream with both bands, or as one stream per band.

    Args:
        chunks: What to play.
        names: One name, or one per band.
        sample_numbers: Whether a channel counts the samples.
        wait: Seconds to wait for a listener before the first sample.
        tell: Gets "playing NAMES, LSL time = session time + SECONDS" when it begins.

    Returns:
        Seconds to add to the session's times to get those of the LSL clock.
    """
    stream = iter(chunks)
    first = next(stream, None)
    if first is None:
        raise InputError("the session holds no samples: nothing to play")
    with ExitStack() as stack:
        bands: Sequence[int | None] = [None] if len(names) == 1 else range(first.layout.bands)
        outlets = [
            stack.enter_context(
                LSLOutlet(name, first.layout, source_id=f"emgtype-{name}", sample_numbers=sample_numbers, band=band)
            )
            for name, band in zip(names, bands, strict=True)
        ]
        if wait:
            tell(f"waiting for somebody to listen to {' and '.join(names)}")
        if wait and not all(outlet.wait_for_consumers(wait) for outlet in outlets):
            raise InputError(f"nobody listened to {' and '.join(names)} within {wait:g} s: start `emgtype serve` first")
        offset = float(local_clock()) - float(first.times[0])
        tell(f"playing {' and '.join(names)}, LSL time = session time + {offset:.6f}")
        for piece in paced(pieces(chain([first], stream), _PIECE), clock=local_clock):
            for outlet in outlets:
                outlet.push(piece, offset)
    return offset
