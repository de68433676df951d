"""Types of the compiled part (decoder/native)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decoder.language.model import Ids, LanguageScorer, Scores

_Keys = tuple[list[int], list[float], list[float]]

class FlatModel:
    silent: npt.NDArray[np.bool_]
    prices: Scores
    most: Scores
    def __init__(
        self,
        seen: npt.NDArray[np.uint64],
        first: npt.NDArray[np.uint32],
        suffix: Ids,
        backoff: npt.NDArray[np.float32],
        score: npt.NDArray[np.float32],
        next: Ids,
        tokens: Ids,
        end_token: int,
        unknown: float,
        weight: float,
        bonus: Scores,
    ) -> None: ...
    @property
    def crowded(self) -> bool: ...
    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> Scores: ...
    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids: ...
    def end(self, states: Ids) -> Scores: ...
    def keep(self, states: Ids) -> Ids: ...

class HotWords:
    def __init__(self, next: Ids, worth: Scores, kept: Scores, kinds: Ids) -> None: ...
    def next(self, state: int, label: int) -> int: ...
    def gain(self, state: int, label: int) -> float: ...
    def end(self, state: int) -> float: ...

class Beam:
    def __init__(
        self,
        beam: int,
        labels: int,
        threshold: float,
        floor: float,
        scorer: LanguageScorer,
        most: Sequence[float],
        free: Sequence[bool],
        prices: Sequence[float],
        backspace: int,
        hot_words: HotWords | None,
    ) -> None: ...
    def push(self, log_probs: npt.NDArray[np.float32], times: npt.NDArray[np.float64]) -> None: ...
    def commit(
        self,
        log_probs: npt.NDArray[np.float32],
        times: npt.NDArray[np.float64],
        lag: float,
        patience: float,
        wanted: Scores,
        age: float,
    ) -> _Keys: ...
    def cut(self, horizon: float, patience: float) -> _Keys: ...
    def ranked(self, count: int) -> list[tuple[list[int], list[float], float, float]]: ...
    def best(self) -> list[int]: ...
    def keys(self) -> _Keys: ...
    def finish(self) -> None: ...
    def reset(self) -> None: ...
    def state(self) -> bytes: ...
    def restore(self, raw: bytes) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def revision(self) -> int: ...
