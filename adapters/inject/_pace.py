"""How long to wait before the next key: as little as the window can stand. Pure."""

QUICK = 0.02
"""Seconds: a window that answers sooner keeps up (one that draws 60 times a second answers within 17 ms)."""
SLOWEST = 0.5
"""Seconds between two keys at most."""
STUCK = 1.0
"""Seconds without an answer after which a window gets no more keys until it answers."""


class Pace:
    """The pause between keys. It follows a window that falls behind at once, and creeps up to one that keeps up.

    Args:
        first: Seconds; the pause at first, and for good where nobody can tell how the window fares.
        fastest: Seconds; the pause at least.
    """

    def __init__(self, first: float, fastest: float) -> None:
        self._first, self._fastest = first, fastest
        self.reset()

    def reset(self) -> None:
        """Another window."""
        self.pause = self._first
        """Seconds before the next key."""

    def heard(self, lag: float | None) -> None:
        """Take how many seconds the window (or the server before it) took for what it was sent; None: not known."""
        if lag is None:
            return
        needed = min(SLOWEST, max(self._fastest, lag if lag > QUICK else 0.0))
        self.pause = max(needed, 0.8 * self.pause)
