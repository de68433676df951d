"""Compare the live decoder with pyctcdecode at word level on a recorded session: errors of the text, and time.

The text is compared after every ⌫ has been applied, since pyctcdecode knows no keys.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein
from rich.table import Table

from decoder.ctc.commit import Committer
from emgtype.config import Config
from emgtype.models.bundle import Bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.replay.commit_sweep import EncodedSession, encode_session
from emgtype.words.passages import PassageCutter
from emgtype.words.word_model import word_files
from emgtype.words.word_reader import SentenceDecoder, WordReader
from messages.sentence import Sentence
from messages.text import KeySequence, render

OURS, THEIRS = "emgtype", "pyctcdecode"


@dataclass(frozen=True, slots=True)
class WordFigures:
    """Errors and time of one decoder on a session; an enter counts as a space."""

    cer: float
    """Character errors in % of the characters typed."""
    wer: float
    """Word errors in % of the words typed."""
    seconds: float
    """Seconds of decoding, without the encoder."""
    longest: float
    """Seconds of the longest step, a hop or a sentence."""


@dataclass(frozen=True, slots=True)
class WordReport:
    """The figures of both decoders on one session."""

    start: float
    """Time of the first emission, in seconds."""
    signal: float
    """Seconds of signal."""
    figures: dict[str, WordFigures]
    sentences: tuple[Sentence, ...]
    word_model: str
    """Path of the word model; empty: none was used."""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for --json."""
        return {
            "signal_s": self.signal,
            "word_model": self.word_model,
            "decoders": {name: asdict(figures) for name, figures in self.figures.items()},
            "sentences": [asdict(sentence) for sentence in self.sentences],
        }


def compare(path: Path, bundle: Bundle, config: Config) -> WordReport:
    """Encode a session once and decode it with both decoders.

    Raises:
        InputError: The session does not fit the bundle, or the word model cannot be loaded.
    """
    files = word_files(bundle.folder, config.words)
    reader = WordReader(config.words, files)
    session = encode_session(path, bundle, config)
    truth = " ".join(render(session.truth).split())
    text, durations = _live(session, bundle, config)
    figures = {OURS: _figures(truth, text, durations)}
    sentences, durations = _at_word_level(session, SentenceDecoder(_cutter(config), reader))
    best = " ".join(sentence.readings[0].text for sentence in sentences)
    figures[THEIRS] = _figures(truth, best, durations)
    start = float(session.emissions[0].times[0])
    signal = float(session.emissions[-1].times[-1]) - start
    return WordReport(start, signal, figures, tuple(sentences), "" if files is None else str(files.model))


def _cutter(config: Config) -> PassageCutter:
    return PassageCutter(config.words.pause_s, config.words.longest_s)


def _live(session: EncodedSession, bundle: Bundle, config: Config) -> tuple[str, list[float]]:
    beam = beam_for(scorer_for(bundle, config.decoder.language_model), config.decoder)
    committer, keys, durations = Committer(beam, config.decoder.commit), KeySequence(), list[float]()
    for emission in (*session.emissions, None):
        start = time.perf_counter()
        events = committer.finish() if emission is None else committer.push(emission)
        durations.append(time.perf_counter() - start)
        for event in events:
            keys.push(event)
    return " ".join(render(key.label for key in keys.final).split()), durations


def _at_word_level(session: EncodedSession, decoder: SentenceDecoder) -> tuple[list[Sentence], list[float]]:
    sentences, durations = list[Sentence](), []
    for emission in (*session.emissions, None):
        start = time.perf_counter()
        sentences += decoder.finish() if emission is None else decoder.push(emission)
        durations.append(time.perf_counter() - start)
    return sentences, durations


def _figures(truth: str, text: str, durations: list[float]) -> WordFigures:
    words = truth.split()
    return WordFigures(
        100 * Levenshtein.distance(truth, text) / max(1, len(truth)),
        100 * Levenshtein.distance(words, text.split()) / max(1, len(words)),
        sum(durations),
        max(durations),
    )


def table(report: WordReport) -> Table:
    """Return a table with a row per decoder."""
    rows = Table("decoder")
    for column in ("CER %", "WER %", "decoding, s", "× real time", "longest step, ms"):
        rows.add_column(column, justify="right")
    for name, figures in report.figures.items():
        speed = report.signal / figures.seconds
        cells = (figures.cer, figures.wer, figures.seconds)
        rows.add_row(name, *(f"{cell:.2f}" for cell in cells), f"{speed:.0f}", f"{1e3 * figures.longest:.1f}")
    return rows
