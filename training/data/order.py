"""The order of the windows, which depends on seed and epoch alone: a resumed run continues as if it never stopped."""

from collections.abc import Iterator

import torch
from torch import distributed
from torch.utils.data import Sampler


class EpochOrder(Sampler[int]):
    """A permutation of `size` windows per epoch; yields epoch · size + index, so that a dataset knows the epoch too.

    Workers and resumed runs draw the same random numbers for a window, whatever was drawn before it. Lightning calls
    `set_epoch`. When several processes train together, each yields another part; all parts have one length.
    """

    def __init__(self, size: int, seed: int, processes: int = 1) -> None:
        self._size = size
        self._seed = seed
        self._processes = processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is yielded next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._size // self._processes

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(self._size, generator=generator_of(self._seed, self._epoch))
        order = order[: len(self) * self._processes][process_rank() :: self._processes]
        yield from (self._epoch * self._size + order).tolist()


def process_rank() -> int:
    """Return the number of this process among those that train together; 0 for a single process."""
    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


def generator_of(*seeds: int) -> torch.Generator:
    """Return a generator of random numbers that differs for each tuple of seeds."""
    mixed = 0
    # 6364136223846793005 is Knuth's multiplier for 64 bits: it spreads neighbouring numbers.
    for seed in seeds:
        mixed = ((mixed ^ seed) * 6364136223846793005 + 1442695040888963407) % 2**64
    return torch.Generator().manual_seed(mixed >> 1)
