r"""Hot words: names and terms that get a bonus while they are typed, key by key, and keep it once they are complete.

A context graph, as streaming recognisers have it (NeMo, k2, sherpa-onnx): Aho and Corasick's automaton (Comm. ACM 18,
1975) over keys.

1. Every beginning of a hot word is a state; two more states stand for no hot word on its way. A key leads to the state
   of the longest end of the text that is such a beginning.
2. Nats are pending in a state: for each key of its beginning the word's weight, the largest if words share the
   beginning. A key that goes on with a word adds to them; any other key takes back the nats that are not earned.
3. The nats of a word are earned when the word is complete and the next key allows it to end there. So the bonus of a
   text is that of its hot words, and of the hot word that its end may yet become.

A hot word counts as a whole word: it begins and ends where words do (as in \b), so that "art" is not found in "start".
Marks are not part of words: "C++" and "New York" can be hot words, and "Ann" counts in "Ann's". Capitals matter: "ann"
is another word. ⇧ is not seen: the key after it is the capital itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from decoder._native import HotWords
from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE
from messages.errors import InputError
from messages.signal import F64

MOST_KEYS = 50_000
"""Keys that all hot words may have together: 20 MB of transitions."""
_WORD, _SEPARATES, _UNSEEN = 0, 1, 2
"""Kinds of keys: part of a word, not part of one, and not seen at all."""
_KINDS = np.array([_UNSEEN if key == SHIFT else _WORD if key.isalnum() else _SEPARATES for key in KEYS], np.int32)
_AFTER_SEPARATOR, _WITHIN_WORD = 0, 1
"""States without a hot word on its way: any may begin next, or only one that begins with a mark."""


@dataclass(frozen=True, slots=True)
class HotWord:
    """A word or phrase that is likelier than the language model thinks."""

    text: str
    """The word as it is typed: characters and single spaces, with its capitals."""
    weight: float
    """Nats for each of its keys."""

    def __post_init__(self) -> None:
        if strange := sorted({key for key in self.text if key not in LABELS or key in (BACKSPACE, ENTER, SHIFT)}):
            raise InputError(
                f"the hot word {self.text!r} has {' '.join(strange)}, which is not a character of a US keyboard: "
                "expected letters, digits and marks"
            )
        if not self.text or self.text != SPACE.join(self.text.split()):
            raise InputError(f"the hot word {self.text!r} is empty or has odd spaces: expected one between two words")
        if not (isfinite(self.weight) and self.weight > 0):
            raise InputError(
                f"the hot word {self.text!r} weighs {self.weight:g}: expected a finite number of nats per key above 0"
            )


def parse_hot_words(entries: Iterable[str], weight: float) -> tuple[HotWord, ...]:
    """Read hot words as settings write them: WORD, or WORD:WEIGHT with its own nats per key.

    Args:
        entries: One word each; a colon without a number after it is part of the word.
        weight: Nats per key of the words without a weight of their own.

    Raises:
        InputError: A word or a weight is not possible, or a word is there twice with different weights.
    """
    words: dict[str, HotWord] = {}
    for entry in entries:
        text, _, number = entry.rpartition(":")
        own_weight = _number(number) if text else None
        word = HotWord(entry.strip(), weight) if own_weight is None else HotWord(text.strip(), own_weight)
        if (before := words.setdefault(word.text, word)) != word:
            raise InputError(
                f"the hot word {word.text!r} has the weights {before.weight:g} and {word.weight:g}: name it once"
            )
    return tuple(words.values())


def _number(text: str) -> float | None:
    """Return the number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def hot_word_graph(words: Sequence[HotWord]) -> HotWords | None:
    """Return the automaton that the beam runs, or None without words.

    Raises:
        InputError: The words have more than `MOST_KEYS` keys.
    """
    if not words:
        return None
    if (size := sum(len(word.text) for word in words)) > MOST_KEYS:
        raise InputError(f"{len(words)} hot words have {size} keys together: expected at most {MOST_KEYS}")
    # The states in order of their length: the shorter state that one fails to is complete before it. Equals are sorted
    # too, since the state of a beam, which names these numbers, may be set in another process.
    prefixes = sorted(
        {word.text[:end] for word in words for end in range(1, len(word.text) + 1)},
        key=lambda prefix: (len(prefix), prefix),
    )
    states = {"": _AFTER_SEPARATOR, **{prefix: i for i, prefix in enumerate(prefixes, 2)}}
    children: list[list[tuple[int, int]]] = [[] for _ in range(2 + len(prefixes))]
    for prefix in prefixes:
        children[states[prefix[:-1]]].append((LABELS[prefix[-1]], states[prefix]))
    pending, earned = _nats_of_words(words, states)
    following, shorter = _transitions(children)
    for state in range(2, len(children)):
        pending[state] = max(pending[state], pending[shorter[state]])
        earned[state] += earned[shorter[state]]
    return HotWords(following, np.maximum(pending, earned[:, 1]), earned, _KINDS)


def _nats_of_words(words: Sequence[HotWord], states: Mapping[str, int]) -> tuple[F64, F64]:
    """Return (states,) the nats pending in each state, and (states, 2) those earned before a key of kind 0 or 1.

    Only words that are the whole state count: words that are an end of it are added along the shorter states.
    """
    pending, earned = np.zeros(len(states) + 1), np.zeros((len(states) + 1, 2))
    for word in words:
        for end in range(1, len(word.text) + 1):
            state = states[word.text[:end]]
            pending[state] = max(pending[state], end * word.weight)
        # A mark at the end of a word separates it from any key.
        may_end = (_KINDS[LABELS[word.text[-1]]] == _SEPARATES, True)
        earned[states[word.text]] = np.multiply(may_end, len(word.text) * word.weight)
    return pending, earned


def _transitions(children: Sequence[Sequence[tuple[int, int]]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return (states, keys) the next state after each key, and (states,) the shorter state that each fails to."""
    elsewhere = np.where(_KINDS == _WORD, _WITHIN_WORD, _AFTER_SEPARATOR).astype(np.int32)
    following = np.empty((len(children), len(KEYS)), np.int32)
    following[:2] = elsewhere
    shorter = np.empty(len(children), np.int32)
    for key, child in children[_AFTER_SEPARATOR]:
        shorter[child] = elsewhere[key]
        following[_AFTER_SEPARATOR, key] = child
        if _KINDS[key] == _SEPARATES:
            following[_WITHIN_WORD, key] = child
    for state in range(2, len(children)):
        following[state] = following[shorter[state]]
        for key, child in children[state]:
            shorter[child] = following[shorter[state], key]
            following[state, key] = child
    following[:, LABELS[SHIFT]] = np.arange(len(children))
    return following, shorter
