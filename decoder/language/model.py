"""Character language model: its facts, and the score of one more key after what was typed.

Rules of emg2qwerty's reference decoder (Sivakumar et al. 2024), in natural log: a key that the model has a token for
costs P(token | state); a key outside it (a space, for a model of single words) ends the sentence, P(</s> | state),
and begins the next; where one has just begun it costs the `<unk>` unigram. ⌫ is the beam's: it undoes a score.

Ours are the priors: by those rules alone all keys of one token cost the same (a capital its small letter, @ an enter),
and a typo that is taken back costs nothing, so that a noisy encoder's faint keys become capitals, rare marks and ⌫.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, log
from typing import Protocol

import numpy as np
import numpy.typing as npt

from messages.charset import BACKSPACE, KEYS, LABELS, SHIFT
from messages.errors import InputError

Ids = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float64]

LN10 = log(10)
"""Language model files hold decimal logarithms: they become natural ones where a file is read, nowhere else."""
START = 0
"""State id of a sentence's beginning, in every scorer."""
KINDS = ("words", "text")
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
    """Nats added per scored key (and per silent key or ⌫ with a prior), against the model's liking for short texts."""
    priors: Mapping[str, float] = field(default_factory=dict)
    """Key → ln of its share among the keys that are one token to the model (or none), weighted like the model's score.

    A silent key and ⌫, which the model does not see, get theirs and the bonus alone, or nothing where they have none;
    no ⌫ takes that back. Others that are not named: 0.
    """
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
        if unfit := sorted(key for key, prior in self.priors.items() if key not in KEYS or not -inf < prior <= 0):
            raise InputError(
                f"The LM has priors that are none, of {unfit}: expected keys, each with the logarithm of a share, at "
                "most 0: build the model anew."
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
            known = {
                **table,
                "tokens": {str(k): str(v) for k, v in table["tokens"].items()},
                "priors": {str(k): float(v) for k, v in table.get("priors", {}).items()},
            }
            return cls(**{**known, "silent": tuple(table.get("silent", ())), "order": int(table["order"])})
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(
                f"The facts of the language model cannot be read ({error}); expected the lm.json that "
                "`emgtype lm build` writes: build the model anew."
            ) from None

    def to_json(self) -> str:
        """Text for `lm.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


def additions(facts: LanguageModelFacts) -> Scores:
    """(keys,) nats that a key gets beside the weighted score of its token: the most it can get, for ln P is below 0."""
    priors = np.array([facts.weight * facts.priors.get(key, 0.0) for key in KEYS])
    free = [(key == BACKSPACE or key in facts.silent) and key not in facts.priors for key in KEYS]
    return np.where(free, 0.0, priors + facts.bonus)


class LanguageScorer(Protocol):
    """What the beam asks of a language model. States are integers; all scores are weighted nats."""

    silent: npt.NDArray[np.bool_]
    """(keys,): the state stays."""
    prices: Scores
    """(keys,): nats for typing a silent key or ⌫; no ⌫ gives them back."""
    most: Scores
    """(keys,): the most that typing each can gain: lets the beam drop hopeless candidates unscored."""

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

    def __init__(self, keys: int = len(KEYS), *, silent: bool = True) -> None:
        """`silent`: False: the beam keeps a state for every key but ⇧ all the same, as hot words need it."""
        self.silent = np.full(keys, silent)
        if not silent:
            self.silent[LABELS[SHIFT]] = True
        self.prices = np.zeros(keys)
        self.most = np.zeros(keys)
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
