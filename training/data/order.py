"""In which order windows are seen: by seed and epoch alone, so that a resumed run goes on as if never stopped."""

from collections.abc import Iterator

import torch
from torch import distributed
from torch.utils.data import Sampler


class EpochOrder(Sampler[int]):
    """A permutation of `size` windows per epoch; yields epoch · size + index, so that a dataset knows the epoch too.

    Workers and resumed runs draw the same chance for a window, whatever was drawn before it. Lightning calls
    `set_epoch`. Of several processes that train together each yields another part, all of one length.
    """

    def __init__(self, size: int, seed: int, processes: int = 1) -> None:
        self._size = size
        self._seed = seed
        self._processes = processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._size // self._processes

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(self._size, generator=chance(self._seed, self._epoch))
        order = order[: len(self) * self._processes][process_rank() :: self._processes]
        yield from (self._epoch * self._size + order).tolist()


def process_rank() -> int:
    """Which of the processes that train together this one is; 0 where it trains alone."""
    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


def chance(*seeds: int) -> torch.Generator:
    """A generator of its own for each tuple of numbers."""
    mixed = 0
    for seed in seeds:  # 6364136223846793005: Knuth's multiplier for 64 bits, spreads neighbouring numbers
        mixed = ((mixed ^ seed) * 6364136223846793005 + 1442695040888963407) % 2**64
    return torch.Generator().manual_seed(mixed >> 1)
