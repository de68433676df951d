"""Sentences at word level: pyctcdecode (extra `words`) over what was typed between two pauses.

pyctcdecode knows words between spaces and nothing of keys. ⏎ parts words as a space does, and ⇧, which shows nothing,
separates keys as the blank does: their probabilities are added. ⌫ stays a character of the word that it stands in; the
word model is asked for the word that is left, and ⌫ is applied to what comes out.
"""

import logging
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kenlm
import numpy as np
import numpy.typing as npt
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
from messages.text import render

_KEPT = [label for label, key in enumerate(KEYS) if key not in (ENTER, SHIFT)]
_SPACE = _KEPT.index(LABELS[SPACE])
_UNKNOWN = -10.0  # decimal: what a word outside the list costs on top; pyctcdecode's own


class TypedWords:
    """A word model that is asked for what a typed word leaves: ⌫ applied, without capitals and marks around it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.order = model.order

    def get_start_state(self) -> kenlm.State:
        """pyctcdecode's."""
        return self._model.get_start_state()

    def score_partial_token(self, partial_token: str) -> float:
        """Nats for the beginning of a word."""
        word = plain(partial_token)
        return float(self._model.score_partial_token(word)) if word else 0.0

    def score(self, prev_state: kenlm.State, word: str, is_last_word: bool = False) -> tuple[float, kenlm.State]:
        """Nats for a word behind others, and the state behind it; nothing for one of which nothing is left."""
        left = plain(word)
        return self._model.score(prev_state, left, is_last_word=is_last_word) if left else (0.0, prev_state)


def plain(word: str) -> str:
    """What a word model knows of a word as it was typed."""
    return render(LABELS[key] for key in word).strip(string.punctuation).lower()


class WordReader:
    """Passages in, sentences out."""

    def __init__(self, config: WordsConfig, files: WordFiles | None) -> None:
        """`files`: None: no word model, every text is as likely. Raises InputError where it cannot be loaded."""
        logging.getLogger("pyctcdecode").setLevel(logging.ERROR)  # it warns of every list of words below 1000
        self._beam, self._candidates = config.beam_width, config.candidates
        model: Any = None if files is None else TypedWords(_language_model(config, files))
        alphabet = Alphabet.build_alphabet([*(KEYS[label] for label in _KEPT), ""])
        self._decoder = BeamSearchDecoderCTC(alphabet, model)

    def read(self, passage: Passage) -> Sentence | None:
        """The best readings; None where nothing is left of any."""
        found = self._decoder.decode_beams(_characters(passage.log_probs), beam_width=self._beam)
        readings: dict[str, Reading] = {}
        for keys, _, _, acoustic, score in found:
            text = " ".join(render(LABELS[key] for key in keys).split())
            readings.setdefault(text, Reading(text, float(score), float(acoustic)))
        best = list(readings.values())[: self._candidates]
        return Sentence(tuple(best), passage.start, passage.end) if any(reading.text for reading in best) else None


def _characters(log_probs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(F, classes) → (F, characters + 1), the blank last. Double precision: pyctcdecode adds up in what it is given."""
    found = log_probs[:, [*_KEPT, BLANK]].astype(np.float64)
    found[:, _SPACE] = np.logaddexp(found[:, _SPACE], log_probs[:, LABELS[ENTER]])
    found[:, -1] = np.logaddexp(found[:, -1], log_probs[:, LABELS[SHIFT]])
    return found


def _language_model(config: WordsConfig, files: WordFiles) -> Any:
    require_unchanged(files.model)
    model, known = open_kenlm(str(files.model)), _read_words(files.words)
    return LanguageModel(model, known, alpha=config.weight, beta=config.bonus_nats, unk_score_offset=_UNKNOWN)


def _read_words(path: Path) -> Sequence[str]:
    try:
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read words from {path}: {error}; name a UTF-8 text file, one word a line") from None
    if not words:
        raise InputError(f"{path} holds no word: name a file with one word a line")
    return words


class SentenceDecoder:
    """Emissions in, sentences out: a cutter and a reader together, for whoever has the time to wait for both."""

    def __init__(self, cutter: PassageCutter, reader: WordReader) -> None:
        self._cutter = cutter
        self._reader = reader

    def reset(self) -> None:
        """Forget what has not become a sentence."""
        self._cutter.reset()

    def push(self, emission: Emission) -> list[Sentence]:
        """The sentences that ended within these frames."""
        return self._read(self._cutter.push(emission))

    def finish(self) -> list[Sentence]:
        """What was typed since the last one, at most one sentence; afterwards as after `reset`."""
        return self._read(self._cutter.finish())

    def _read(self, passages: Sequence[Passage]) -> list[Sentence]:
        return [sentence for passage in passages if (sentence := self._reader.read(passage))]
