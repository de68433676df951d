"""Texts to type: one split by paragraph, so that no test text was ever seen, and the prompts cut from it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import numpy as np

from messages.charset import normalise

SPLITS = ("lm", "train", "test")
_LM, _TRAIN = 0.85, 0.95  # upper ends of the splits' shares

# Real prompts are mostly bare lower-case words: `.` is 0.35 % and `,` 0.2 % of the presses, digits and capitals are
# rarer still. So only this share of the marks, and of the words with digits, is typed; marks not named never are.
_KEPT = {".": 0.5, ",": 0.13, "'": 0.4, "-": 0.05, "?": 0.1, "!": 0.1, ";": 0.05, ":": 0.05}
_KEPT_NUMBERS = 0.03
_CASED = 0.02  # share of prompts typed with their capitals
_WORDS = 4, 10  # fewest and most words of a prompt
# Prompts of unrelated words, fitted to the keys that emg2qwerty's people pressed.
_UNRELATED = 4  # words of a prompt
_RUNNING = 0.02  # share of prompts that are running text all the same
_RARER = 0.9  # power of a word's frequency: real prompts hold longer, rarer words than running text does
_PROMPT_MARKS = {".": 0.09, ",": 0.05}  # share of prompts that hold one: 0.35 and 0.2 % of the presses


def split(paragraphs: Iterable[str]) -> dict[str, list[str]]:
    """Paragraphs by split: `lm` 85 %, `train` 10 %, `test` 5 %.

    A paragraph's own hash decides, so equal paragraphs fall into the same split and a longer corpus moves none.
    """
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for paragraph in paragraphs:
        share = int.from_bytes(hashlib.sha256(paragraph.encode()).digest()[:8]) / 2**64
        parts["lm" if share < _LM else "train" if share < _TRAIN else "test"].append(paragraph)
    return parts


def prompts(paragraphs: Iterable[str], seed: int) -> Iterator[str]:
    """Runs of 4 to 10 words of running text, as they will be typed: nearly all in lower case, with little punctuation.

    Consecutive prompts follow on, across paragraphs too; the last one may be shorter. Every character is a key
    (messages.charset), the closing enter is left to the typist. The same seed gives the same prompts.
    """
    rng = np.random.default_rng([seed, 4])
    run: list[str] = []
    length = _length(rng)
    cased = rng.random() < _CASED
    for paragraph in paragraphs:
        for word in _words(paragraph):
            typed = _thinned(word if cased else word.lower(), rng)
            if not typed:
                continue
            run.append(typed)
            if len(run) == length:
                yield " ".join(run)
                run, length, cased = [], _length(rng), rng.random() < _CASED
    if run:
        yield " ".join(run)


def word_prompts(paragraphs: Sequence[str], seed: int) -> Iterator[str]:
    """Four unrelated words each, in lower case, without end; now and then running text: so are emg2qwerty's.

    The text's own words, frequent ones more often. The same seed gives the same prompts. A text without
    words gives none.
    """
    counts = Counter(
        typed for text in paragraphs for word in _words(text.lower()) if (typed := "".join(filter(str.isalpha, word)))
    )
    words = sorted(word for word in counts if word.isascii())
    weights = np.array([counts[word] for word in words], float) ** _RARER
    rng = np.random.default_rng([seed, 8])
    running = cycle(prompts(paragraphs, seed))
    while words:
        if rng.random() < _RUNNING and (run := next(running, "")):
            yield run
            continue
        drawn = [words[i] for i in rng.choice(len(words), _UNRELATED, p=weights / weights.sum())]
        for mark, share in _PROMPT_MARKS.items():
            if rng.random() < share:
                drawn[int(rng.integers(len(drawn)))] += mark
        yield " ".join(drawn)


def _length(rng: np.random.Generator) -> int:
    return int(rng.integers(_WORDS[0], _WORDS[1] + 1))


def _words(paragraph: str) -> Iterator[str]:
    """Words with the punctuation around them, in characters that have keys; a dash parts words, a hyphen does not."""
    for word in paragraph.replace("—", " ").replace("–", " ").replace("--", " ").split():
        yield "".join(key for c in word if (key := normalise(c)) is not None)


def _thinned(word: str, rng: np.random.Generator) -> str:
    """The word with most of its marks left out; empty where nothing of it is typed."""
    if any(c.isdigit() for c in word) and rng.random() >= _KEPT_NUMBERS:
        return ""
    thinned = "".join(c for c in word if c.isalnum() or rng.random() < _KEPT.get(c, 0.0))
    return thinned if any(c.isalnum() for c in thinned) else ""
