"""Character language model: its facts, and the score of one more key after the keys before it.

The rules are those of emg2qwerty's reference decoder (Sivakumar et al. 2024), in natural logarithms:

- A key for which the model has a token costs P(token | state).
- A key without a token (a space, for a model of single words) ends the sentence, which costs P(</s> | state), and the
  next sentence begins. If a sentence has only just begun, such a key costs the `<unk>` unigram instead.
- ⌫ takes back the score of the key that it deletes: that is the beam's work.

The priors are ours. By those rules alone all keys that share a token cost the same (a capital its small letter, @ an
enter), and a typo that is taken back costs nothing, so that the faint keys of a noisy encoder become capitals, rare
marks and ⌫.
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
from messages.signal import F64

Ids = npt.NDArray[np.int32]

LN10 = log(10)
"""Language model files hold decimal logarithms: they become natural ones where a file is read, nowhere else."""
START = 0
"""Id of the state at the beginning of a sentence, in every scorer."""
KINDS = ("words", "text")
"""Kinds of language models: n-grams within words, or over running text."""
SENTENCE_END, UNKNOWN = "</s>", "<unk>"


@dataclass(frozen=True, slots=True)
class LanguageModelFacts:
    """The facts of a language model, as `lm.json` has them beside its `lm.binary`."""

    kind: str
    """`words`: n-grams never cross words; `text`: they run over spaces."""
    order: int
    """Length of the longest n-gram."""
    tokens: Mapping[str, str]
    """Key → token of the model. Several keys may share one, as capitals share that of their small letter."""
    silent: tuple[str, ...] = ()
    """Keys that cost nothing and leave the state alone, such as ⇧ if capitals have tokens."""
    weight: float = 2 / LN10
    """Factor on natural-log scores; emg2qwerty's 2.0 on decimal ones unless it was tuned."""
    bonus: float = 2.0
    """Nats added per scored key, and per silent key or ⌫ with a prior, since the model prefers short texts."""
    priors: Mapping[str, float] = field(default_factory=dict)
    """Key → ln of its share among the keys that share a token, or have none; weighted like the model's score.

    A scored key that is not named has the prior 0. The model does not see silent keys and ⌫: they get their prior and
    the bonus, or nothing if they are not named, and no ⌫ takes that back.
    """
    source: str = ""
    """The text that the model was trained on."""
    licence: str = ""
    """SPDX expression."""
    version: int = field(default=1, kw_only=True)
    """Version of these facts."""

    def __post_init__(self) -> None:
        strange = sorted({*self.tokens, *self.silent} - {*KEYS} | {*self.tokens} & {*self.silent})
        if BACKSPACE in self.tokens or BACKSPACE in self.silent or strange:
            raise InputError(
                f"The language model is of another alphabet: it scores {strange or BACKSPACE!r}; expected each of "
                f"the {len(KEYS)} keys but {BACKSPACE} at most once, with a token or silent: build the model anew."
            )
        if unfit := sorted(key for key, prior in self.priors.items() if key not in KEYS or not -inf < prior <= 0):
            raise InputError(
                f"The language model has wrong priors for {unfit}: expected keys, each with the logarithm of a share, "
                "at most 0: build the model anew."
            )
        if self.version != 1 or self.kind not in KINDS or self.order < 1 or not self.weight >= 0:
            raise InputError(
                f"The language model is of version {self.version}, kind {self.kind!r}, order {self.order} and weight "
                f"{self.weight}; expected version 1, kind words or text, an order from 1 and a weight from 0: build it "
                "anew."
            )

    @classmethod
    def from_json(cls, text: str) -> "LanguageModelFacts":
        """Read the text of `lm.json`.

        Raises:
            InputError: The text is something else, or its facts do not fit together.
        """
        try:
            table = json.loads(text)
            fields = {
                **table,
                "tokens": {str(key): str(token) for key, token in table["tokens"].items()},
                "priors": {str(key): float(prior) for key, prior in table.get("priors", {}).items()},
                "silent": tuple(table.get("silent", ())),
                "order": int(table["order"]),
            }
            return cls(**fields)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(
                f"The facts of the language model cannot be read ({error}); expected the lm.json that "
                "`emgtype lm build` writes: build the model anew."
            ) from None

    def to_json(self) -> str:
        """Return the text of `lm.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


def additions(facts: LanguageModelFacts) -> F64:
    """Return (keys,) the nats that each key gets beside the weighted score of its token.

    Since ln P is below 0, they are also the largest gain of the key.
    """
    priors = np.array([facts.weight * facts.priors.get(key, 0.0) for key in KEYS])
    free = [(key == BACKSPACE or key in facts.silent) and key not in facts.priors for key in KEYS]
    return np.where(free, 0.0, priors + facts.bonus)


class LanguageScorer(Protocol):
    """A language model, as the beam uses it. States are integers; all scores are weighted nats."""

    silent: npt.NDArray[np.bool_]
    """(keys,): whether the key leaves the state alone."""
    prices: F64
    """(keys,): nats for typing a silent key or ⌫; no ⌫ gives them back."""
    largest_gain: F64
    """(keys,): the most nats that typing each key can give, so that the beam can drop hopeless extensions unscored."""

    @property
    def crowded(self) -> bool:
        """Whether `keep` should be called before the next frame."""
        ...

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> F64:
        """Return (N,) the nats for typing labels[i] in states[i], none of which is a silent key or ⌫."""
        ...

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """Return (N,) the states after typing labels[i] in states[i]."""
        ...

    def end(self, states: Ids) -> F64:
        """Return (N,) the nats for the text to end in each state; 0 where a sentence has just begun."""
        ...

    def keep(self, states: Ids) -> Ids:
        """Forget all but these states, and return their new ids in the same order."""
        ...


class NoLanguageModel:
    """A language model for which every key costs nothing."""

    def __init__(self, keys: int = len(KEYS), *, silent: bool = True) -> None:
        """Build it for so many keys.

        Args:
            keys: Number of keys.
            silent: False: every key but ⇧ has a state in the beam all the same, as hot words need it.
        """
        self.silent = np.full(keys, silent)
        if not silent:
            self.silent[LABELS[SHIFT]] = True
        self.prices = np.zeros(keys)
        self.largest_gain = np.zeros(keys)
        self.crowded = False

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> F64:
        """Return zeros."""
        return np.zeros(len(states))

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """Return the same states."""
        return states

    def end(self, states: Ids) -> F64:
        """Return zeros."""
        return np.zeros(len(states))

    def keep(self, states: Ids) -> Ids:
        """Return the same states: there is nothing to forget."""
        return states
