"""Changing one's mind: the smallest edit from the keys shown to the keys meant."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def edit(before: Sequence[T], after: Sequence[T]) -> tuple[int, Sequence[T]]:
    """How many of the last keys of `before` to take back, and what to append then, to get `after`.

    Fewest edits at the end of a sequence: everything behind the longest common beginning.
    """
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common, after[common:]
