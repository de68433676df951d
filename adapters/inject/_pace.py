"""The pause before the next key: as short as the window allows. Pure."""

QUICK = 0.02
"""Seconds: a window that answers sooner keeps up (one that draws 60 times a second answers within 17 ms)."""
SLOWEST = 0.5
"""Seconds: the longest pause between two keys."""
STUCK = 1.0
"""Seconds without an answer after which a window gets no more keys until it answers."""


class Pace:
    """The pause between keys: as long as a window that falls behind needs, and shorter after each quick answer.

    Args:
        first: Seconds: the pause at first; it stays so if nobody can tell how far the window is behind.
        fastest: Seconds: the shortest pause.
    """

    def __init__(self, first: float, fastest: float) -> None:
        self._first, self._fastest = first, fastest
        self.reset()

    def reset(self) -> None:
        """Start anew for another window."""
        self.pause = self._first
        """Seconds before the next key."""

    def update(self, lag: float | None) -> None:
        """Adapt the pause to the seconds that the window (or the server before it) took to read the last key.

        None: unknown; the pause stays.
        """
        if lag is None:
            return
        needed = min(SLOWEST, max(self._fastest, lag if lag > QUICK else 0.0))
        self.pause = max(needed, 0.8 * self.pause)
