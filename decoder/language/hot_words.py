"""Hot words: names and terms that are worth a bonus while they are typed, by key, and keep it once they are complete.

A context graph, as streaming recognisers have it (NeMo, k2, sherpa-onnx): Aho and Corasick's automaton (Comm. ACM 18,
1975) over keys. Every key that goes on with a hot word is given the word's weight; a key that does not go on takes back
all that was given for it, so that the bonus of a text is that of the hot words in it, and of what it may yet become.

A hot word counts as a whole word: it begins and ends where letters and digits do (as in \\b), so that "art" is not
heard in "start". Marks are no letters: "C++" and "New York" are hot words, and "Ann" counts in "Ann's". Keys have
case: "ann" is another word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from decoder._native import HotWords
from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE
from messages.errors import InputError

MOST_KEYS = 50_000
"""Of all hot words together: 20 MB of transitions."""
_WORD, _PARTS, _UNSEEN = 0, 1, 2
_KINDS = np.array([_UNSEEN if key == SHIFT else _WORD if key.isalnum() else _PARTS for key in KEYS], np.int32)
_AFTER_PART, _WITHIN_WORD = 0, 1
"""States in which no hot word is on its way: one may begin at a letter, or only at a mark."""


@dataclass(frozen=True, slots=True)
class HotWord:
    """A word or phrase that is likelier than the language model thinks."""

    text: str
    """As it is typed: characters and single spaces, capitals where they are meant."""
    weight: float
    """Nats for each of its keys."""

    def __post_init__(self) -> None:
        if strange := sorted({key for key in self.text if key not in LABELS or key in (BACKSPACE, ENTER, SHIFT)}):
            raise InputError(
                f"the hot word {self.text!r} has {' '.join(strange)}, no key that types a character: expected letters, "
                "digits and marks of a US keyboard"
            )
        if not self.text or self.text != SPACE.join(self.text.split()):
            raise InputError(f"the hot word {self.text!r} is empty or has odd spaces: expected one between two words")
        if not (isfinite(self.weight) and self.weight > 0):
            raise InputError(
                f"the hot word {self.text!r} weighs {self.weight:g}: expected a finite number of nats per key above 0"
            )


def parse_hot_words(entries: Iterable[str], weight: float) -> tuple[HotWord, ...]:
    """Hot words as settings write them: WORD, or WORD:WEIGHT with nats per key of its own.

    Args:
        entries: One each; a colon without a number behind it is part of the word.
        weight: Nats per key of those without one.

    Raises:
        InputError: A word or a weight that is none, or a word twice with different weights.
    """
    found: dict[str, HotWord] = {}
    for entry in entries:
        text, _, number = entry.rpartition(":")
        own = _number(number) if text else None
        word = HotWord(entry.strip(), weight) if own is None else HotWord(text.strip(), own)
        if (before := found.setdefault(word.text, word)) != word:
            raise InputError(
                f"the hot word {word.text!r} has the weights {before.weight:g} and {word.weight:g}: name it once"
            )
    return tuple(found.values())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def hot_word_graph(words: Sequence[HotWord]) -> HotWords | None:
    """The automaton that the beam runs; None without words. Raises InputError where it would be too large."""
    if not words:
        return None
    if (size := sum(len(word.text) for word in words)) > MOST_KEYS:
        raise InputError(f"{len(words)} hot words have {size} keys together: expected at most {MOST_KEYS}")
    # The trie's nodes breadth first: what a node fails to, a shorter one, is finished before it.
    prefixes = sorted({word.text[:end] for word in words for end in range(1, len(word.text) + 1)}, key=len)
    nodes = {"": _AFTER_PART, **{prefix: i for i, prefix in enumerate(prefixes, 2)}}
    count = 2 + len(prefixes)
    children: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for prefix in prefixes:
        children[nodes[prefix[:-1]]].append((LABELS[prefix[-1]], nodes[prefix]))
    share, whole = np.zeros(count), np.zeros((count, 2))
    for word in words:
        for end in range(1, len(word.text) + 1):
            node = nodes[word.text[:end]]
            share[node] = max(share[node], end * word.weight)
        followed = (_KINDS[LABELS[word.text[-1]]] == _PARTS, True)  # a mark at its end parts it from any key
        whole[nodes[word.text]] = np.multiply(followed, len(word.text) * word.weight)
    elsewhere = np.where(_KINDS == _WORD, _WITHIN_WORD, _AFTER_PART).astype(np.int32)
    following = np.empty((count, len(KEYS)), np.int32)
    following[:2] = elsewhere
    fails = np.empty(count, np.int32)
    for key, child in children[_AFTER_PART]:
        fails[child] = elsewhere[key]
        following[_AFTER_PART, key] = child
        if _KINDS[key] == _PARTS:
            following[_WITHIN_WORD, key] = child
    for node in range(2, count):
        shorter = fails[node]
        following[node] = following[shorter]
        for key, child in children[node]:
            fails[child] = following[shorter, key]
            following[node, key] = child
        share[node] = max(share[node], share[shorter])
        whole[node] += whole[shorter]
    following[:, LABELS[SHIFT]] = np.arange(count)
    return HotWords(following, np.maximum(share, whole[:, 1]), whole, _KINDS)
