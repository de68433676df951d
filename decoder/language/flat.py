"""An n-gram model as flat arrays: an automaton whose states are contexts, made from an ARPA file.

Katz's back-off, as ARPA files mean it: P(token | context) is that of the longest context after which the token was
seen, times the back-off weights of the longer ones.

1. Every context is a state: each n-gram after which some token was seen, or that has a back-off weight, and the empty
   context. Any other context has the state of its longest end that is one, since leaving it costs nothing.
2. The children of a state are the tokens seen after it, in the order of their numbers. 128 bits say which they are, and
   the number of bits before a token's own is the place of its child. A child has the token's score and the next state.
3. A token that was not seen is looked for in the suffix of the state, the context without its oldest token, at the
   cost of the state's back-off weight. The empty context has seen every token.

The inner loop is decoder/native/language_model.hpp. It checks no bounds, so tables from files are checked here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from decoder._native import FlatModel
from decoder.language.model import LN10, SENTENCE_END, START, UNKNOWN, LanguageModelFacts, additions
from messages.charset import KEYS
from messages.errors import InputError
from messages.signal import F32

SENTENCE_START = "<s>"
EMPTY = 1
"""Number of the state of the empty context."""
_MOST_TOKENS = 128
"""A state has a bit for each."""
_ARRAYS = {
    "seen": np.uint64,
    "first": np.uint32,
    "suffix": np.int32,
    "backoff": np.float32,
    "score": np.float32,
    "next": np.int32,
}
"""Arrays of the tables, and the types of their numbers."""
_Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FlatTables:
    """The arrays of the automaton. State 0 is the context `<s>`; natural logarithms throughout."""

    order: int
    """Length of the longest n-gram."""
    tokens: tuple[str, ...]
    """The tokens by number, at most 128."""
    unknown: float
    """ln P(`<unk>`) without context."""
    seen: npt.NDArray[np.uint64]
    """(states, 2): bit t says whether token t was seen after the context."""
    first: npt.NDArray[np.uint32]
    """(states,): number of the state's first child."""
    suffix: npt.NDArray[np.int32]
    """(states,): state of the longest end of the context that is one; -1 for the empty context."""
    backoff: F32
    """(states,): logarithm of the back-off weight."""
    score: F32
    """(children,): ln P; the children of a state are in the order of their tokens."""
    next: npt.NDArray[np.int32]
    """(children,): the state after the token."""

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all fields as arrays, by name; `from_arrays` reads them back."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        numbers = {"order": self.order, "tokens": self.tokens, "unknown": self.unknown}
        return {**{name: np.array(value) for name, value in numbers.items()}, **arrays}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "FlatTables":
        """Make the tables of the arrays of a file.

        Raises:
            ValueError: An array is missing or of another type, or the numbers do not fit together.
        """
        if missing := {*_ARRAYS, "order", "tokens", "unknown"} - {*arrays}:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        try:
            order, tokens = int(arrays["order"]), tuple(map(str, arrays["tokens"]))
            tables = cls(
                order,
                tokens,
                float(arrays["unknown"]),
                **{name: np.ascontiguousarray(arrays[name]) for name in _ARRAYS},
            )
        except (TypeError, OverflowError) as error:
            raise ValueError(str(error)) from None
        tables._check()
        return tables

    def _check(self) -> None:
        """Raise ValueError for tables that point out of themselves: the compiled loop checks no bounds."""
        if any(getattr(self, name).dtype != kind for name, kind in _ARRAYS.items()):
            raise ValueError("its numbers are of another type")
        states, children = len(self.suffix), len(self.score)
        bits = np.unpackbits(self.seen.view(np.uint8), axis=1).sum(axis=1) if self.seen.ndim == 2 else np.empty(0)
        steps = np.arange(states)
        fits = (
            self.seen.shape == (states, 2)
            and states > 1
            and len(self.first) == len(self.backoff) == states
            and len(self.next) == children == bits.sum()
            and (self.first == np.concatenate([[0], np.cumsum(bits)[:-1]])).all()
            and ((self.next >= 0) & (self.next < states)).all()
            and (self.suffix < np.where(steps == START, states, steps)).all()
            and len(self.tokens) <= _MOST_TOKENS
            and int(self.seen[EMPTY, 0]) + (int(self.seen[EMPTY, 1]) << 64) == (1 << len(self.tokens)) - 1
            and ((self.suffix >= 0) == (steps != EMPTY)).all()
            and self.suffix[START] == EMPTY
            and all(np.isfinite(numbers).all() for numbers in (self.score, self.backoff, self.unknown))
        )
        if not fits:
            raise ValueError("its numbers do not fit together")


def tables_from_arpa(lines: Iterable[str]) -> FlatTables:
    """Make the tables of an ARPA file.

    Raises:
        InputError: The lines are not those of an ARPA file, or it has more tokens than fit.
    """
    scores, backoffs, order = _read(lines)
    unigrams = [gram[0] for gram in scores if len(gram) == 1 and gram[0] != SENTENCE_START]
    if SENTENCE_END not in unigrams or UNKNOWN not in unigrams or len(unigrams) > _MOST_TOKENS:
        raise InputError(
            f"the ARPA file has {len(unigrams)} tokens: expected {SENTENCE_END}, {UNKNOWN} and at most {_MOST_TOKENS} "
            "in all, each a key: build the model with `emgtype lm build`"
        )
    tokens = tuple(sorted(unigrams))
    number = {token: i for i, token in enumerate(tokens)}
    children: dict[_Gram, list[tuple[int, _Gram]]] = {}
    for gram in scores:
        if gram[-1] != SENTENCE_START:
            children.setdefault(gram[:-1], []).append((number[gram[-1]], gram))
    contexts = {*children, *(gram for gram, backoff in backoffs.items() if backoff), ()} - {(SENTENCE_START,)}
    # A suffix comes before the contexts that it shortens.
    ordered = [(SENTENCE_START,), *sorted(contexts, key=lambda gram: (len(gram), gram))]
    states = {gram: i for i, gram in enumerate(ordered)}

    def longest(gram: _Gram) -> int:
        """Return the state of the longest end of an n-gram that is one."""
        return next(states[gram[i:]] for i in range(len(gram) + 1) if gram[i:] in states)

    seen = np.zeros((len(states), 2), np.uint64)
    first: list[int] = []
    score: list[float] = []
    after: list[int] = []
    for state, gram in enumerate(ordered):
        first.append(len(score))
        for token, child in sorted(children.get(gram, ())):
            seen[state, token >> 6] |= np.uint64(1) << np.uint64(token & 63)
            score.append(scores[child])
            after.append(longest(child[-(order - 1) :]) if order > 1 else EMPTY)
    return FlatTables(
        order,
        tokens,
        LN10 * scores[(UNKNOWN,)],
        seen,
        np.array(first, np.uint32),
        np.array([longest(gram[1:]) if gram else -1 for gram in ordered], np.int32),
        np.array([LN10 * backoffs.get(gram, 0.0) for gram in ordered], np.float32),
        LN10 * np.array(score, np.float32),
        np.array(after, np.int32),
    )


def _read(lines: Iterable[str]) -> tuple[dict[_Gram, float], dict[_Gram, float], int]:
    """Return log10 P and log10 back-off weights by n-gram, and the largest n."""
    scores: dict[_Gram, float] = {}
    backoffs: dict[_Gram, float] = {}
    order = 0
    for order, line in _entries(lines):
        score, _, rest = line.partition("\t")
        gram, _, backoff = rest.partition("\t")
        tokens = tuple(gram.split(" "))
        try:
            scores[tokens], backoffs[tokens] = float(score), float(backoff or 0)
        except ValueError:
            tokens = ()
        if len(tokens) != order:
            raise InputError(f"the ARPA file has a line that is not a {order}-gram ({line!r}): build it anew")
    return scores, backoffs, order


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of the n-grams, each with its n."""
    order = 0
    for line in lines:
        text = line.rstrip("\n")
        if text.startswith("\\"):
            order = int(text[1:].removesuffix("-grams:")) if text.endswith("-grams:") else 0
        elif text and order:
            yield order, text


class FlatScorer(FlatModel):
    """A `LanguageScorer` over the tables, run by the compiled loop."""

    def __init__(self, tables: FlatTables, facts: LanguageModelFacts) -> None:
        """Build the scorer.

        Raises:
            InputError: The tables are not those of the model with these facts.
        """
        absent = sorted({*facts.tokens.values(), SENTENCE_END} - {*tables.tokens})
        if absent or tables.order != facts.order:
            raise InputError(
                f"The tables are of a language model of another alphabet: it has order {tables.order} and lacks the "
                f"tokens {absent[:5]}, but its facts say order {facts.order} and {len(facts.tokens)} tokens: build "
                "both with `emgtype lm build`."
            )
        number = {token: i for i, token in enumerate(tables.tokens)}
        tokens = np.array([number[facts.tokens[key]] if key in facts.tokens else -1 for key in KEYS], np.int32)
        bonus = additions(facts)
        t = tables
        super().__init__(
            t.seen,
            t.first,
            t.suffix,
            t.backoff,
            t.score,
            t.next,
            tokens,
            number[SENTENCE_END],
            t.unknown,
            facts.weight,
            bonus,
        )
        self.silent = np.array([key in facts.silent for key in KEYS])
        self.prices = self.largest_gain = bonus
