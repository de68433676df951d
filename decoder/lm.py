"""Character language model: its facts, and the score of one more key after what was typed.

Rules of emg2qwerty's reference decoder (Sivakumar et al. 2024), in natural log: a key that the model has a token for
costs P(token | state); a key outside it (a space, for a model of single words) ends the sentence, P(</s> | state),
and begins the next; where one has just begun it costs the `<unk>` unigram. ⌫ is the beam's: it undoes a score.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import log
from typing import Protocol

import kenlm
import numpy as np
import numpy.typing as npt

from decoder.charset import BACKSPACE, KEYS
from decoder.errors import InputError

Ids = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float64]

LN10 = log(10)
"""KenLM's scores are decimal logarithms; the only place where they become natural ones is `KenlmScorer`."""
START = 0
"""State id of a sentence's beginning, in every scorer."""
KINDS = ("words", "text")
ROWS = 8_192
"""LM states kept at once, 11 MB of rows: more made no frame faster, and memory is at its height within minutes."""
SENTENCE_END, UNKNOWN = "</s>", "<unk>"


@dataclass(frozen=True, slots=True)
class LanguageModelFacts:
    """What `lm.json` says of the `lm.binary` beside it."""

    kind: str
    """`words`: n-grams never cross words; `text`: they run over spaces."""
    order: int
    """Longest n-gram."""
    tokens: Mapping[str, str]
    """Key → token of the model. Several keys may share one (capitals their small letter)."""
    silent: tuple[str, ...] = ()
    """Keys that cost nothing and leave the state alone (⇧ where capitals have tokens)."""
    weight: float = 2 / LN10
    """Factor on natural-log scores; emg2qwerty's 2.0 on decimal ones unless tuned."""
    bonus: float = 2.0
    """Nats added per scored key, against the model's liking for short texts."""
    source: str = ""
    """Text that it was trained on."""
    licence: str = ""
    """SPDX expression."""
    version: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        strange = sorted({*self.tokens, *self.silent} - {*KEYS} | {*self.tokens} & {*self.silent})
        if BACKSPACE in self.tokens or BACKSPACE in self.silent or strange:
            raise InputError(
                f"The LM is one of another alphabet: it scores {strange or BACKSPACE!r}; expected each of "
                f"the {len(KEYS)} keys but {BACKSPACE} at most once, with a token or silent: build the model anew."
            )
        if self.version != 1 or self.kind not in KINDS or self.order < 1 or not self.weight >= 0:
            raise InputError(
                f"The LM is of version {self.version}, kind {self.kind!r}, order {self.order} and weight "
                f"{self.weight}; expected version 1, kind words or text, an order from 1 and a weight from 0: build it "
                "anew."
            )

    @classmethod
    def from_json(cls, text: str) -> "LanguageModelFacts":
        """Read `lm.json`; raises InputError where it is not that."""
        try:
            table = json.loads(text)
            known = {**table, "tokens": {str(k): str(v) for k, v in table["tokens"].items()}}
            return cls(**{**known, "silent": tuple(table.get("silent", ())), "order": int(table["order"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"The facts of the language model cannot be read ({error}); expected the lm.json that "
                "`emgtype lm build` writes: build the model anew."
            ) from None

    def to_json(self) -> str:
        """Text for `lm.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


class LanguageScorer(Protocol):
    """What the beam asks of a language model. States are integers; all scores are weighted nats."""

    silent: npt.NDArray[np.bool_]
    """(keys,): free, and the state stays."""
    most: float
    """The most that one key can gain: lets the beam drop hopeless candidates unscored."""

    @property
    def crowded(self) -> bool:
        """Whether `keep` should be called before the next frame."""
        ...

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> Scores:
        """(N,) nats for typing labels[i] in states[i]; never for a silent key or ⌫."""
        ...

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """(N,) states after those keys."""
        ...

    def end(self, states: Ids) -> Scores:
        """(N,) nats for the text to end here; 0 where a sentence has just begun."""
        ...

    def keep(self, states: Ids) -> Ids:
        """Forget all but these states; returns their new ids in the same order."""
        ...


class NoLanguageModel:
    """Every key costs nothing."""

    def __init__(self, keys: int = len(KEYS)) -> None:
        self.silent = np.ones(keys, np.bool_)
        self.most = 0.0
        self.crowded = False

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> Scores:
        """Zeros."""
        return np.zeros(len(states))

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """The same states."""
        return states

    def end(self, states: Ids) -> Scores:
        """Zeros."""
        return np.zeros(len(states))

    def keep(self, states: Ids) -> Ids:
        """The same states: there is nothing to forget."""
        return states


class KenlmScorer:
    """KenLM behind integer states, each with a row of scores and of next states that fill as they are asked for.

    The rows are bounded: when there are `rows` states the scorer is `crowded`, and the beam makes it `keep` the few
    that are in use. What is forgotten is read from KenLM again, so results stay; `overflows` counts how often.
    """

    def __init__(
        self, model: kenlm.Model, facts: LanguageModelFacts, weight: float, bonus: float, rows: int = ROWS
    ) -> None:
        self._model = model
        self._weight = weight
        self._bonus = bonus
        self._rows = rows
        self._tokens = [facts.tokens.get(key) for key in KEYS]
        self.silent = np.array([key in facts.silent for key in KEYS])
        self.most = max(bonus, 0.0)
        self.overflows = 0
        nothing = kenlm.State()
        model.NullContextWrite(nothing)
        self._unknown = LN10 * model.BaseScore(nothing, UNKNOWN, kenlm.State())
        # Not filled yet: memory is taken, and time spent, row by row. The margin is for what one frame may add.
        self._scores = np.empty((rows + 4096, len(KEYS)))
        self._after = np.empty((rows + 4096, len(KEYS)), np.int32)
        self._forget([])

    @property
    def crowded(self) -> bool:
        """Whether there are as many states as there should be rows."""
        return len(self._states) >= self._rows

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> Scores:
        """(N,) nats: weight · ln P + bonus."""
        scores: Scores = self._scores[states, labels]
        missing = np.flatnonzero(np.isnan(scores))
        if missing.size:
            for state, label in zip(states[missing].tolist(), labels[missing].tolist(), strict=True):
                self._scores[state, label] = self._weight * self._read(state, label)[0] + self._bonus
            scores = self._scores[states, labels]
        return scores

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """(N,) states after those keys, interned."""
        after: Ids = self._after[states, labels]
        for missing in np.flatnonzero(after < 0).tolist():
            state, label = int(states[missing]), int(labels[missing])
            after[missing] = self._intern(self._read(state, label)[1])
            self._after[state, label] = after[missing]
        return after

    def end(self, states: Ids) -> Scores:
        """(N,) nats: weight · ln P(</s>)."""
        return np.array([self._weight * self._end(state) if state != START else 0.0 for state in states.tolist()])

    def keep(self, states: Ids) -> Ids:
        """Forget all rows, and all states but these."""
        self.overflows += 1
        kept, new = np.unique(states[states != START], return_inverse=True)
        self._forget([self._states[state] for state in kept.tolist()])
        ids = np.zeros(states.shape, np.int32)
        ids[states != START] = new + 1
        return ids

    def _read(self, state: int, label: int) -> tuple[float, kenlm.State]:
        token = self._tokens[label]
        if token is None:
            return (self._unknown if state == START else self._end(state)), self._states[START]
        after = kenlm.State()
        return LN10 * self._model.BaseScore(self._states[state], token, after), after

    def _end(self, state: int) -> float:
        return LN10 * float(self._model.BaseScore(self._states[state], SENTENCE_END, kenlm.State()))

    def _intern(self, state: kenlm.State) -> int:
        number = self._ids.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
            if number == len(self._scores):  # only a beam far wider than usual
                self._scores = np.concatenate([self._scores, np.empty_like(self._scores)])
                self._after = np.concatenate([self._after, np.empty_like(self._after)])
            self._scores[number] = np.nan
            self._after[number] = -1
        return number

    def _forget(self, kept: Iterable[kenlm.State]) -> None:
        start = kenlm.State()
        self._model.BeginSentenceWrite(start)
        self._states: list[kenlm.State] = []
        self._ids: dict[kenlm.State, int] = {}
        for state in (start, *kept):
            self._intern(state)


def load_scorer(
    path: str, facts: LanguageModelFacts, weight: float | None = None, bonus: float | None = None
) -> KenlmScorer:
    """Open a KenLM model (binary or ARPA).

    Args:
        path: The file.
        facts: What it is.
        weight: Instead of the model's own.
        bonus: Nats; instead of the model's own.

    Raises:
        InputError: Not a KenLM model, or not the one of these facts.
    """
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        model = kenlm.Model(path, config)
    except OSError as error:
        reason = "no such file" if "No such file" in str(error) else "not a KenLM model"
        raise InputError(
            f"{path} cannot be loaded as a language model ({reason}); name another, or run `emgtype lm build`."
        ) from None
    absent = sorted({token for token in facts.tokens.values() if token not in model})
    if absent or model.order != facts.order:
        raise InputError(
            f"{path} is an LM of another alphabet: it has order {model.order} and lacks the tokens {absent[:5]}, but "
            f"its facts say order {facts.order} and {len(facts.tokens)} tokens: put the matching lm.json beside it."
        )
    return KenlmScorer(
        model, facts, facts.weight if weight is None else weight, facts.bonus if bonus is None else bonus
    )
