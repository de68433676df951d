"""Texts to type: one split by paragraph, so that no test text was ever seen, and the prompts cut from it."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

SPLITS = ("lm", "train", "test")
_LM, _TRAIN = 0.85, 0.95  # upper ends of the splits' shares

# How much of English punctuation is typed: real prompts are mostly bare words (`.` 0.35 %, `,` 0.2 % of presses).
_KEPT_PUNCTUATION = 0.2
_CASED = 0.02  # share of prompts typed with their capitals
_DROPPED = {ord(c): None for c in "\"()[]{}_*;:!"}


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
    """Runs of 4 to 10 words of running text, as they will be typed: nearly all in lower case, with little punctuation."""
    rng = np.random.default_rng([seed, 4])
    for paragraph in paragraphs:
        words = paragraph.translate(_DROPPED).replace("--", " ").split()
        while words:
            count = int(rng.integers(4, 11))
            text = " ".join(words[:count])
            words = words[count:]
            if rng.random() >= _CASED:
                text = text.lower()
            yield "".join(c for c in text if c not in ".,?" or rng.random() < _KEPT_PUNCTUATION)
