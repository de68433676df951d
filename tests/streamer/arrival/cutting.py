"""Where to cut an input: the first test of every stage pushes it in pieces and expects the output of the whole."""

import numpy as np


def ways_to_cut(count: int) -> list[list[int]]:
    """Return places at which to cut `count` samples: after each of them, at odd places, and into few pieces."""
    rng = np.random.default_rng(count)
    odd = np.cumsum(rng.choice([0, 1, 3, 7, 31, 113], count // 20)) % (count + 1)
    few = rng.integers(0, count + 1, 3)
    return [[*range(1, count)], sorted(odd.tolist()), sorted(few.tolist())]
