"""The one place for corrections of the signal (roll, mirror, gain, causal filters)."""

from typing import Protocol

from streamer.chunk import Chunk


class Conditioner(Protocol):
    """Samples in, as many corrected samples out, causally; output does not depend on how the input was cut."""

    def push(self, chunk: Chunk) -> Chunk:
        """The corrected samples, with the same times and layout."""
        ...

    def reset(self) -> None:
        """Forget the past (filter states)."""
        ...


class Identity:
    """The conditioner of a profile that asks for no correction."""

    def push(self, chunk: Chunk) -> Chunk:
        """The chunk itself."""
        return chunk

    def reset(self) -> None:
        """Nothing to forget."""
