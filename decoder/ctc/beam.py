"""CTC prefix beam search with a language model that understands ⌫: the Python side of decoder/native.

Prefix search: Graves et al., ICML 2006, and Hannun et al., arXiv 1408.2873; n-gram shallow fusion and the treatment of
⌫ after emg2qwerty's reference decoder (Sivakumar et al. 2024). Per prefix the log-probability of all alignments that
end in a blank and of those that end in its last key; prefixes reached in several ways merge by log-sum-exp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from decoder._native import Beam, HotWords
from decoder.language.model import LanguageScorer
from messages.charset import BACKSPACE, BLANK, LABELS
from messages.emission import Emission
from messages.errors import InputError
from messages.tables import Range
from messages.text import Key

_NEVER: npt.NDArray[np.float64] = np.empty(0)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of everything after the last cut."""

    labels: tuple[int, ...]
    times: tuple[float, ...]
    """Seconds: the frame in which each key was most likely emitted."""
    acoustic: float
    """Natural log of the probability of all its alignments since the reset."""
    lm: float
    """Weighted language model total, and what hot words add, since the reset, nats."""
    total: float
    """What hypotheses are ranked by: the sum of both."""


@dataclass(frozen=True, slots=True)
class BeamSettings:
    """[decoder.beam]: width and pruning; `benchmarks.decoder_pruning` measures which text the thresholds change."""

    width: Annotated[int, Range(1, 1000)] = 50
    """Prefixes kept per frame."""
    labels: Annotated[int, Range(2, 99)] = 10
    """Best labels of a frame that may extend a prefix, the blank included."""
    threshold_nats: Annotated[float, Range(0, 1e6)] = 15.0
    """Nats below the best at which a prefix is dropped."""
    floor_nats: Annotated[float, Range(-1e6, 0)] = -7.0
    """Log-probability at and below which a label extends nothing."""


class PrefixBeam:
    """Emissions in, ranked prefixes out; every frame is processed by itself, so cuts cannot matter."""

    def __init__(
        self,
        settings: BeamSettings,
        scorer: LanguageScorer,
        blank: int = BLANK,
        backspace: int = LABELS[BACKSPACE],
        hot_words: HotWords | None = None,
    ) -> None:
        """The labels are 0..blank, the blank last; `backspace` is -1 where there is none.

        `hot_words` hear no key that is silent to the scorer.
        """
        s = settings
        free, most, prices = scorer.silent.tolist(), scorer.most.tolist(), scorer.prices.tolist()
        self._blank = blank
        self._beam = Beam(
            s.width, s.labels, s.threshold_nats, s.floor_nats, scorer, most, free, prices, backspace, hot_words
        )
        self._labels: list[int] = []
        self._revision = -1

    def reset(self) -> None:
        """Forget everything."""
        self._beam.reset()

    def state(self) -> bytes | None:
        """What it knows, for `restore`; None with a language model that numbers its states anew, as KenLM's does."""
        return self._beam.state() or None

    def restore(self, state: bytes) -> None:
        """Go on as the beam that said this did, which had the same settings, language model and hot words.

        Raises:
            ValueError: It is of another one; nothing was changed.
        """
        self._beam.restore(state)
        self._revision = -1

    @property
    def size(self) -> int:
        """Nodes held in memory: bounded where `cut` is called."""
        return self._beam.size

    def push(self, emission: Emission) -> None:
        """Take in frames; raises InputError where they are not log-probabilities over the classes."""
        try:
            self._beam.push(emission.log_probs, emission.times)
        except ValueError:
            raise self._unfit(emission) from None

    def commit(
        self,
        emission: Emission,
        lag: float,
        patience: float,
        wanted: npt.NDArray[np.float64] = _NEVER,
        age: float = 0.0,
    ) -> tuple[Key, ...]:
        """Take in frames, and after each of them `cut` at its time less `lag` (s): the keys that became final.

        Args:
            emission: The frames.
            lag: Seconds after which a key is final.
            patience: As for `cut`.
            wanted: (keys,) posterior of the text up to a key from which on it is final sooner, by label; empty: never.
            age: Seconds that such a key must be old.
        """
        try:
            labels, times, confidences = self._beam.commit(
                emission.log_probs, emission.times, lag, patience, wanted, age
            )
        except ValueError:
            raise self._unfit(emission) from None
        return tuple(map(Key, labels, times, confidences))

    def best(self) -> Hypothesis:
        """The first of the ranking."""
        return self.nbest(1)[0]

    def nbest(self, count: int) -> list[Hypothesis]:
        """The first `count` of the ranking, best first."""
        return [
            Hypothesis(tuple(labels), tuple(times), acoustic, lm, acoustic + lm)
            for labels, times, acoustic, lm in self._beam.ranked(count)
        ]

    def keys(self) -> tuple[Key, ...]:
        """Keys of the best hypothesis; confidence: posterior, among the beam's prefixes, of the text up to that key."""
        return tuple(map(Key, *self._beam.keys()))

    def labels(self) -> Sequence[int]:
        """Labels of the best hypothesis: what `keys` holds, at a tenth of its cost."""
        if self._revision != self._beam.revision:  # in most frames nothing but the blank is possible
            self._labels = self._beam.best()
            self._revision = self._beam.revision
        return self._labels

    def finish(self) -> None:
        """The text ends here: rank with what the language model says to that. A further push takes it back."""
        self._beam.finish()

    def cut(self, horizon: float, patience: float = 0.0) -> tuple[Key, ...]:
        """Make final the keys up to a time that all prefixes together find likeliest, and cut the tree there.

        Prefixes that do not hold these keys are dropped; those that hold more keys up to then, a little later, unless
        they outrank the side that won.

        Args:
            horizon: Seconds.
            patience: Seconds that a rival's further key may be older than the horizon.

        Returns:
            The keys that became final; `best` goes on behind them.
        """
        return tuple(map(Key, *self._beam.cut(horizon, patience)))

    def _unfit(self, emission: Emission) -> InputError:
        return InputError(
            f"Emissions of shape {emission.log_probs.shape}, or with NaN, came; expected natural-log probabilities of "
            f"shape (frames, {self._blank + 1}): decode what an encoder of this alphabet gave."
        )
