"""CTC prefix beam search with a language model that understands ⌫: the Python side of decoder/native.

Sources: prefix search after Graves et al., ICML 2006, and Hannun et al., arXiv 1408.2873; n-gram shallow fusion and the
treatment of ⌫ after emg2qwerty's reference decoder (Sivakumar et al. 2024). decoder/native/beam.hpp has the plan of a
frame, decoder/native/commit.cpp that of the commit rule.

Input: a frame of natural-log probabilities at a time. State: the most probable key sequences behind the last final key,
the prefixes, each with the log-probability of all alignments that end in a blank and of those that end in its last
key. Prefixes that are reached in several ways merge by log-sum-exp, and rank by their alignments and the language
model together. Each frame extends every prefix by the frame's likeliest labels, and the best prefixes stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from decoder._native import CheckedBeam, HotWords, UnfitEmissionError
from decoder.language.model import LanguageScorer
from messages.charset import BACKSPACE, BLANK, LABELS
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import F64
from messages.tables import Range
from messages.text import Key

_NEVER: F64 = np.empty(0)
"""Required posteriors that no key ever has: an empty array turns the rule off."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible text behind the last final key."""

    labels: tuple[int, ...]
    """Labels of its keys, the oldest first."""
    times: tuple[float, ...]
    """Seconds: the frame in which each key was most likely emitted."""
    acoustic: float
    """Natural log of the probability of all its alignments since the reset."""
    lm: float
    """Nats that the language model, weighted, and the hot words have given since the reset."""
    total: float
    """The sum of the two, by which hypotheses are ranked."""


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
        """Build an empty beam.

        Args:
            settings: Width and pruning.
            scorer: The language model.
            blank: The class that means no key; keys have the labels below it.
            backspace: Label of ⌫; -1: there is none.
            hot_words: Bonuses for hot words; keys that are silent to the scorer are not part of them.
        """
        s = settings
        self._blank = blank
        self._beam = CheckedBeam(s.width, s.labels, s.threshold_nats, s.floor_nats, scorer, backspace, hot_words)
        self._labels: list[int] = []
        self._revision = -1

    def reset(self) -> None:
        """Forget everything."""
        self._beam.reset()

    @property
    def state(self) -> bytes | None:
        """Everything that the beam remembers; None if its language model numbers its states anew, as KenLM's does.

        It can be set only in a beam of the same settings, language model and hot words, on the same kind of machine;
        ValueError is raised, and nothing changed, if it is of another one.
        """
        return self._beam.state() or None

    @state.setter
    def state(self, state: bytes | None) -> None:
        if state is None:
            raise ValueError("there is no state of the beam: expected that of one with flat language model tables")
        self._beam.restore(state)
        self._revision = -1

    @property
    def size(self) -> int:
        """Nodes held in memory: bounded if `cut` or `commit` is called."""
        return self._beam.size

    def push(self, emission: Emission) -> None:
        """Take in frames.

        Raises:
            InputError: The emission does not hold log-probabilities over the classes.
        """
        try:
            self._beam.push(emission.log_probs, emission.times)
        except UnfitEmissionError as error:
            raise self._unfit(emission, str(error)) from None

    def commit(
        self,
        emission: Emission,
        lag: float,
        patience: float,
        required: F64 = _NEVER,
        age: float = 0.0,
    ) -> tuple[Key, ...]:
        """Take in frames, and after each of them `cut` at its time less `lag` (s); return the keys that became final.

        Args:
            emission: The frames.
            lag: Seconds after which a key is final.
            patience: As for `cut`.
            required: (keys,) by label, the posterior of the text up to a key from which on the key is final sooner;
                empty: no key ever is.
            age: Seconds that such a key must be old.

        Raises:
            InputError: The emission does not hold log-probabilities over the classes.
            ValueError: `required` is for another number of keys.
        """
        try:
            labels, times, confidences = self._beam.commit(
                emission.log_probs, emission.times, lag, patience, required, age
            )
        except UnfitEmissionError as error:
            raise self._unfit(emission, str(error)) from None
        return tuple(map(Key, labels, times, confidences))

    def best(self) -> Hypothesis:
        """Return the first of the ranking."""
        return self.nbest(1)[0]

    def nbest(self, count: int) -> list[Hypothesis]:
        """Return the first `count` of the ranking, best first."""
        return [
            Hypothesis(tuple(labels), tuple(times), acoustic, lm, acoustic + lm)
            for labels, times, acoustic, lm in self._beam.ranked(count)
        ]

    def keys(self) -> tuple[Key, ...]:
        """Return the keys of the best hypothesis.

        A key's confidence is the posterior, among the beam's prefixes, of the text up to that key.
        """
        return tuple(map(Key, *self._beam.keys()))

    def labels(self) -> Sequence[int]:
        """Return the labels of the best hypothesis, those of `keys`, at a tenth of its cost."""
        # In most frames nothing but the blank is possible, and the ranking stays.
        if self._revision != self._beam.revision:
            self._labels, self._revision = self._beam.best(), self._beam.revision
        return self._labels

    def finish(self) -> None:
        """Rank the hypotheses as texts that end here. A further push takes that back."""
        self._beam.finish()

    def cut(self, horizon: float, patience: float = 0.0) -> tuple[Key, ...]:
        """Make final the keys up to a time that all prefixes together find likeliest, and cut the tree there.

        Prefixes without these keys are dropped. A prefix that holds more keys up to then is a rival and stays a little
        longer, unless it outranks the side that won.

        Args:
            horizon: Seconds.
            patience: Seconds that a rival's further key may be older than the horizon.

        Returns:
            The keys that became final; `best` goes on behind them.
        """
        return tuple(map(Key, *self._beam.cut(horizon, patience)))

    def _unfit(self, emission: Emission, problem: str) -> InputError:
        mismatch = (
            f"have the shape {emission.log_probs.shape} for {len(emission.times)} times"
            if problem == "shape"
            else "hold NaN, or a frame in which no class is possible"
        )
        return InputError(
            f"The emissions {mismatch}: expected natural-log probabilities of shape (frames, {self._blank + 1}); "
            "decode the output of an encoder of this alphabet."
        )
