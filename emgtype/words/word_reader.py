"""Decode passages at word level with pyctcdecode (extra `words`).

pyctcdecode knows words between spaces, but no keys. ⏎ separates words as a space does, so its probability is added to
the space's; ⇧ shows nothing, so its probability is added to the blank's. ⌫ stays a character of its word: the word
model is asked for the word after ⌫ has been applied, and ⌫ is applied to the resulting text.
"""

import logging
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kenlm
import numpy as np
from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel

from adapters.bundles.checksums import require_unchanged
from decoder.language.kenlm_scorer import open_kenlm
from emgtype.config import WordsConfig
from emgtype.words.passages import Passage, PassageCutter
from emgtype.words.word_model import WordFiles
from messages.charset import BLANK, ENTER, KEYS, LABELS, SHIFT, SPACE
from messages.emission import Emission
from messages.errors import InputError
from messages.sentence import Reading, Sentence
from messages.signal import F32, F64
from messages.text import render

_CHARACTERS = [label for label, key in enumerate(KEYS) if key not in (ENTER, SHIFT)]
_SPACE = _CHARACTERS.index(LABELS[SPACE])
_UNKNOWN = -10.0
"""Score added for a word outside the list; pyctcdecode's own default."""


class TypedWords:
    """A word model for typed words: it scores them with ⌫ applied, in lower case, without punctuation around them."""

    def __init__(self, model: Any) -> None:
        """Wrap pyctcdecode's model."""
        self._model = model
        self.order = model.order

    def get_start_state(self) -> kenlm.State:
        """Return pyctcdecode's state at the start of a text."""
        return self._model.get_start_state()

    def score_partial_token(self, partial_token: str) -> float:
        """Return the score of the beginning of a word, in nats."""
        word = plain(partial_token)
        return float(self._model.score_partial_token(word)) if word else 0.0

    def score(self, prev_state: kenlm.State, word: str, is_last_word: bool = False) -> tuple[float, kenlm.State]:
        """Return the score of a word in nats, 0 where ⌫ has left nothing of it, and the state after it."""
        rest = plain(word)
        return self._model.score(prev_state, rest, is_last_word=is_last_word) if rest else (0.0, prev_state)


def plain(word: str) -> str:
    """Return a typed word as the word model writes it: ⌫ applied, in lower case, without punctuation around it."""
    return render(LABELS[key] for key in word).strip(string.punctuation).lower()


class WordReader:
    """Decodes passages into sentences."""

    def __init__(self, config: WordsConfig, files: WordFiles | None) -> None:
        """Load the word model.

        Args:
            config: Settings of the words.
            files: The word model; None: every text is as likely as any other.

        Raises:
            InputError: The word model cannot be loaded.
        """
        # It warns of every list of fewer than 1000 words.
        logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
        self._beam, self._candidates = config.beam_width, config.candidates
        model: Any = None if files is None else TypedWords(_language_model(config, files))
        alphabet = Alphabet.build_alphabet([*(KEYS[label] for label in _CHARACTERS), ""])
        self._decoder = BeamSearchDecoderCTC(alphabet, model)

    def read(self, passage: Passage) -> Sentence | None:
        """Return the best readings of a passage; None where all of them are empty."""
        candidates = self._decoder.decode_beams(_characters(passage.log_probs), beam_width=self._beam)
        readings: dict[str, Reading] = {}
        for keys, _, _, acoustic, score in candidates:
            text = " ".join(render(LABELS[key] for key in keys).split())
            readings.setdefault(text, Reading(text, float(score), float(acoustic)))
        best = list(readings.values())[: self._candidates]
        return Sentence(tuple(best), passage.start, passage.end) if any(reading.text for reading in best) else None


def _characters(log_probs: F32) -> F64:
    """Return (F, characters + 1) log-probabilities, the blank last, of (F, classes).

    In double precision, since pyctcdecode sums in the precision of its input.
    """
    characters = log_probs[:, [*_CHARACTERS, BLANK]].astype(np.float64)
    characters[:, _SPACE] = np.logaddexp(characters[:, _SPACE], log_probs[:, LABELS[ENTER]])
    characters[:, -1] = np.logaddexp(characters[:, -1], log_probs[:, LABELS[SHIFT]])
    return characters


def _language_model(config: WordsConfig, files: WordFiles) -> Any:
    require_unchanged(files.model)
    model, words = open_kenlm(str(files.model)), _read_words(files.words)
    return LanguageModel(model, words, alpha=config.weight, beta=config.bonus_nats, unk_score_offset=_UNKNOWN)


def _read_words(path: Path) -> Sequence[str]:
    try:
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read words from {path}: {error}; name a UTF-8 text file, one word a line") from None
    if not words:
        raise InputError(f"{path} holds no word: name a file with one word a line")
    return words


class SentenceDecoder:
    """A cutter and a reader together, for callers that may wait for both."""

    def __init__(self, cutter: PassageCutter, reader: WordReader) -> None:
        """Take a cutter and a reader."""
        self._cutter = cutter
        self._reader = reader

    def reset(self) -> None:
        """Forget the frames that have not become a sentence."""
        self._cutter.reset()

    def push(self, emission: Emission) -> list[Sentence]:
        """Return the sentences that ended within these frames."""
        return self._read(self._cutter.push(emission))

    def finish(self) -> list[Sentence]:
        """Return the sentence under way, if there is one; afterwards the decoder is as after `reset`."""
        return self._read(self._cutter.finish())

    def _read(self, passages: Sequence[Passage]) -> list[Sentence]:
        return [sentence for passage in passages if (sentence := self._reader.read(passage))]
