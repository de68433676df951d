"""Texts to type: paragraphs split so that no test text is ever trained on, and the prompts cut from them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import numpy as np

from messages.charset import normalise

SPLITS = ("lm", "train", "test")
_LM_END, _TRAIN_END = 0.85, 0.95
"""Upper ends of the shares of lm and train."""

# Real prompts are mostly bare lower-case words: `.` is 0.35 % and `,` 0.2 % of the presses, digits and capitals are
# rarer still. So only a share of the marks is typed; marks that are not named here never are.
_MARK_SHARES = {".": 0.5, ",": 0.13, "'": 0.4, "-": 0.05, "?": 0.1, "!": 0.1, ";": 0.05, ":": 0.05}
_NUMBER_SHARE = 0.03
"""Share of the words with digits that are typed."""
_CASED_SHARE = 0.02
"""Share of prompts that are typed with their capitals."""
_WORDS = 4, 10
"""Fewest and most words of a prompt."""

# Prompts of unrelated words, fitted to the keys that the people of emg2qwerty pressed.
_UNRELATED_WORDS = 4
"""Words of a prompt."""
_RUNNING_SHARE = 0.02
"""Share of prompts that are running text all the same."""
_FREQUENCY_POWER = 0.9
"""Exponent of a word's frequency: real prompts have longer, rarer words than running text."""
_PROMPT_MARKS = {".": 0.09, ",": 0.05}
"""Share of prompts with such a mark: 0.35 and 0.2 % of the presses."""


def split(paragraphs: Iterable[str]) -> dict[str, list[str]]:
    """Split paragraphs into `lm` (85 %), `train` (10 %) and `test` (5 %).

    The hash of a paragraph decides: equal paragraphs are in the same split, and a longer corpus moves none.
    """
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for paragraph in paragraphs:
        share = int.from_bytes(hashlib.sha256(paragraph.encode()).digest()[:8]) / 2**64
        parts["lm" if share < _LM_END else "train" if share < _TRAIN_END else "test"].append(paragraph)
    return parts


def prompts(paragraphs: Iterable[str], seed: int) -> Iterator[str]:
    """Yield runs of 4 to 10 words of running text as they will be typed: mostly lower case, with little punctuation.

    Consecutive prompts continue the text, across paragraphs too; the last prompt may be shorter. Every character is a
    key (messages.charset); the typist adds the closing enter. The same seed gives the same prompts.
    """
    rng = np.random.default_rng([seed, 4])
    run: list[str] = []
    length = _length(rng)
    cased = rng.random() < _CASED_SHARE
    for paragraph in paragraphs:
        for word in _words(paragraph):
            typed = _drop_marks(word if cased else word.lower(), rng)
            if not typed:
                continue
            run.append(typed)
            if len(run) == length:
                yield " ".join(run)
                run, length, cased = [], _length(rng), rng.random() < _CASED_SHARE
    if run:
        yield " ".join(run)


def word_prompts(paragraphs: Sequence[str], seed: int) -> Iterator[str]:
    """Yield prompts of four unrelated words in lower case, without end; a few are running text, as in emg2qwerty.

    The words are those of the text, frequent ones more often. The same seed gives the same prompts. A text without
    words gives none.
    """
    counts = Counter(
        typed for text in paragraphs for word in _words(text.lower()) if (typed := "".join(filter(str.isalpha, word)))
    )
    words = sorted(word for word in counts if word.isascii())
    weights = np.array([counts[word] for word in words], float) ** _FREQUENCY_POWER
    rng = np.random.default_rng([seed, 8])
    running = cycle(prompts(paragraphs, seed))
    while words:
        if rng.random() < _RUNNING_SHARE and (run := next(running, "")):
            yield run
            continue
        drawn = [words[i] for i in rng.choice(len(words), _UNRELATED_WORDS, p=weights / weights.sum())]
        for mark, share in _PROMPT_MARKS.items():
            if rng.random() < share:
                drawn[int(rng.integers(len(drawn)))] += mark
        yield " ".join(drawn)


def _length(rng: np.random.Generator) -> int:
    return int(rng.integers(_WORDS[0], _WORDS[1] + 1))


def _words(paragraph: str) -> Iterator[str]:
    """Yield words with the marks around them, in characters that have keys; dashes separate words, hyphens do not."""
    for word in paragraph.replace("—", " ").replace("–", " ").replace("--", " ").split():
        yield "".join(key for c in word if (key := normalise(c)) is not None)


def _drop_marks(word: str, rng: np.random.Generator) -> str:
    """Drop most marks of a word; return an empty text if nothing of the word is typed."""
    if any(c.isdigit() for c in word) and rng.random() >= _NUMBER_SHARE:
        return ""
    typed = "".join(c for c in word if c.isalnum() or rng.random() < _MARK_SHARES.get(c, 0.0))
    return typed if any(c.isalnum() for c in typed) else ""
