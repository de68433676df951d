"""A recorded session read by the live decoder and at word level by pyctcdecode: errors of the text, and time.

What is compared is text, as it stands once ⌫ has been applied, for pyctcdecode knows no keys.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein
from rich.table import Table

from decoder.ctc.commit import Committer
from emgtype.config import Config
from emgtype.models.bundle import Bundle, beam_for, scorer_for
from emgtype.replay.commit_sweep import Recorded, record
from emgtype.words.passages import PassageCutter
from emgtype.words.word_model import word_files
from emgtype.words.word_reader import SentenceDecoder, WordReader
from messages.sentence import Sentence
from messages.text import KeySequence, render

OURS, THEIRS = "emgtype", "pyctcdecode"


@dataclass(frozen=True, slots=True)
class WordFigures:
    """How one decoder read a session; an enter counts as a space."""

    cer: float
    """Characters to edit, in % of those typed."""
    wer: float
    """Words to edit, in % of those typed."""
    seconds: float
    """Spent decoding, the encoder not counted."""
    longest: float
    """Seconds of the longest step: a hop's, or a sentence's."""


@dataclass(frozen=True, slots=True)
class WordReport:
    """Both decoders on one session."""

    start: float
    """Seconds: time of the first emission."""
    signal: float
    """Seconds of signal."""
    figures: dict[str, WordFigures]
    sentences: tuple[Sentence, ...]
    word_model: str
    """Which was used; empty: none."""

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "signal_s": self.signal,
            "word_model": self.word_model,
            "decoders": {name: asdict(figures) for name, figures in self.figures.items()},
            "sentences": [asdict(sentence) for sentence in self.sentences],
        }


def compare(path: Path, bundle: Bundle, config: Config) -> WordReport:
    """Encode a session once and read it with both.

    Raises:
        InputError: The session does not fit the bundle, or the word model cannot be loaded.
    """
    files = word_files(bundle.folder, config.words)
    reader = WordReader(config.words, files)
    recorded = record(path, bundle, config)
    truth = " ".join(render(recorded.truth).split())
    text, took = _live(recorded, bundle, config)
    figures = {OURS: _figures(truth, text, took)}
    sentences, took = _at_word_level(recorded, SentenceDecoder(_cutter(config), reader))
    best = " ".join(sentence.readings[0].text for sentence in sentences)
    figures[THEIRS] = _figures(truth, best, took)
    start = float(recorded.emissions[0].times[0])
    signal = float(recorded.emissions[-1].times[-1]) - start
    return WordReport(start, signal, figures, tuple(sentences), "" if files is None else str(files.model))


def _cutter(config: Config) -> PassageCutter:
    return PassageCutter(config.words.pause_s, config.words.longest_s)


def _live(recorded: Recorded, bundle: Bundle, config: Config) -> tuple[str, list[float]]:
    beam = beam_for(scorer_for(bundle, config.decoder.language_model), config.decoder)
    committer, keys, took = Committer(beam, config.decoder.commit), KeySequence(), []
    for emission in (*recorded.emissions, None):
        start = time.perf_counter()
        event = committer.finish() if emission is None else committer.push(emission)
        took.append(time.perf_counter() - start)
        if event:
            keys.push(event)
    return " ".join(render(key.label for key in keys.final).split()), took


def _at_word_level(recorded: Recorded, decoder: SentenceDecoder) -> tuple[list[Sentence], list[float]]:
    sentences, took = list[Sentence](), []
    for emission in (*recorded.emissions, None):
        start = time.perf_counter()
        sentences += decoder.finish() if emission is None else decoder.push(emission)
        took.append(time.perf_counter() - start)
    return sentences, took


def _figures(truth: str, text: str, took: list[float]) -> WordFigures:
    words = truth.split()
    return WordFigures(
        100 * Levenshtein.distance(truth, text) / max(1, len(truth)),
        100 * Levenshtein.distance(words, text.split()) / max(1, len(words)),
        sum(took),
        max(took),
    )


def table(report: WordReport) -> Table:
    """A decoder a row."""
    found = Table("decoder")
    for column in ("CER %", "WER %", "decoding, s", "× real time", "longest step, ms"):
        found.add_column(column, justify="right")
    for name, figures in report.figures.items():
        speed = report.signal / figures.seconds
        cells = (figures.cer, figures.wer, figures.seconds)
        found.add_row(name, *(f"{cell:.2f}" for cell in cells), f"{speed:.0f}", f"{1e3 * figures.longest:.1f}")
    return found
