"""Define the kinds of files that come from outside: a good example, how it is broken, and its reader."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from adapters.bundles.checksums import update_checksums
from adapters.bundles.language_tables import read_tables, write_tables
from adapters.bundles.personal_layers import read_person, write_person
from adapters.datasets.xdf_reader import read_xdf
from adapters.sessions.check_file import check_session
from adapters.sessions.flight_file import Flight, read_flight, write_flight
from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from adapters.sessions.repair import part_of, repair, truth_of
from adapters.sessions.writer import SessionWriter
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.language.flat import FlatScorer, tables_from_arpa
from decoder.language.model import SENTENCE_END, UNKNOWN, LanguageModelFacts, LanguageScorer, NoLanguageModel
from emgtype.config import load_config
from emgtype.datasets.emission_file import read_emissions
from emgtype.datasets.xdf import convert
from emgtype.live.load import load_lines
from emgtype.models.bundle import _language_model as _facts_in
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import scorer_for
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES, PACKAGE
from emgtype.recording.flight import FlightRecorder
from emgtype.recording.reproduce import reproduce
from messages.charset import CLASSES
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import Chunk, Frames
from messages.typed import Keystroke, Prompt
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.stream import OnnxEncoder
from tests.fuzz.mutate import changed, changed_arrays, changed_session

Files = Mapping[str, bytes]
"""By name in a folder."""
_TYPED = (Keystroke("h", 1.7e9 + 0.2, 1.7e9 + 0.3), Keystroke("Key.space", 1.7e9 + 0.4, 1.7e9 + 0.5))
_SHOWN = (Prompt("hi there", 1.7e9, 1.7e9 + 1),)
_ORDER = 3
_LETTERS = "etaoin"
_RNG = np.random.default_rng(7)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file."""

    seed: Callable[[Path], None]
    """Writes good files into a folder."""
    read: Callable[[Path], object]
    """Reads them there, as the program does; may raise InputError alone."""
    change: Callable[[random.Random, bytes], bytes] = changed


def chunk(seconds: float, start: float = 1.7e9) -> Chunk:
    """Return a chunk of noise."""
    count = round(seconds * LAYOUT.rate)
    samples = _RNG.normal(0, 10, (count, LAYOUT.bands, LAYOUT.electrodes)).astype(np.float32)
    return Chunk(samples, start + np.arange(count) / LAYOUT.rate, LAYOUT)


def _session(folder: Path) -> None:
    with SessionWriter(folder / "session.hdf5", "00000001") as writer:
        writer.keystrokes, writer.prompts = _TYPED, _SHOWN
        writer.append(chunk(0.3))


def _read_session(folder: Path) -> None:
    path = folder / "session.hdf5"
    for finding in check_session(path):
        assert str(finding)
    with SessionReader(path) as session:
        for _ in session.chunks():
            pass
        session.labels(session.start, session.end)


def _journal(folder: Path) -> None:
    made = folder / "made.hdf5"
    journal = SessionJournal(made, "00000001", "on_keyboard")
    for entry in (*_TYPED, *_SHOWN):
        journal.note(entry)
    journal.append(chunk(0.3))
    files = {name(folder / "session.hdf5"): name(made).read_bytes() for name in (part_of, truth_of)}
    journal.close()
    made.unlink()
    for path, data in files.items():
        path.write_bytes(data)


def _read_journal(folder: Path) -> None:
    repair(folder / "session.hdf5")
    _read_session(folder)


def _emissions(folder: Path) -> None:
    scores = _RNG.normal(size=(20, CLASSES))
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    np.savez(folder / "emissions.npz", log_probs=log_probs, times=np.arange(20) / 125, labels=np.arange(5))


def _read_emissions(folder: Path) -> None:
    found = read_emissions(folder / "emissions.npz")
    PrefixBeam(BeamSettings(width=5), NoLanguageModel()).push(found.emission)


def _person(folder: Path) -> None:
    shapes = ((2, 16, 16), (2, 16, 33), (2, 16, 33))
    layer = PersonalLayer("ann", *(_RNG.normal(size=shape).astype(np.float32) for shape in shapes))
    write_person(folder, layer, {"encoder_sha256": "0"})


def _read_person(folder: Path) -> None:
    layer, _ = read_person(folder, "ann")
    layer.require(open_bundle("demo").facts)


def _flight(folder: Path) -> None:
    config = load_config(PACKAGE.find("config.toml"), {"pipeline.hop_frames": 8})
    (line,) = load_lines([config])
    recorder = FlightRecorder(line.config, line.bundle, line.pipeline, 0.02, clock=lambda: 1.7e9)
    for number in range(16):
        heard = chunk(0.1, 1.7e9 + number / 10)
        recorder.record(heard)
        for event in line.pipeline.push(heard):
            recorder.push(event)
    recorder.finish("end")
    for event in line.pipeline.finish():
        recorder.push(event)
    flight: Flight = recorder.flight()
    assert flight.steps[0].state
    write_flight(folder / "a.flight", replace(flight, model={**flight.model, "files": {}}))


def _read_flight(folder: Path) -> None:
    reproduce(read_flight(folder / "a.flight"))


def _xdf(folder: Path) -> None:
    _session(folder)
    convert(folder / "session.hdf5", folder / "session.xdf", "", (), lambda _said: None)
    (folder / "session.hdf5").unlink()


def _read_xdf(folder: Path) -> None:
    recording = read_xdf(folder / "session.xdf", LAYOUT)
    for _ in recording.chunks():
        pass
    convert(folder / "session.xdf", folder / "session.hdf5", "00000001", (), lambda _said: None)


def _model(folder: Path) -> None:
    (folder / "encoder.onnx").write_bytes(PACKAGE.find("exported/demo/encoder.onnx").read_bytes())


def _read_model(folder: Path) -> None:
    encoder = OnnxEncoder.load(str(folder / "encoder.onnx"))
    facts = encoder.facts
    frames = np.zeros((encoder.hop, *facts.front_end.shape(facts.layout)), np.float32)
    encoder.push(Frames.complete(frames, np.zeros(encoder.hop)))


def _facts() -> LanguageModelFacts:
    return LanguageModelFacts("text", _ORDER, {letter: letter for letter in _LETTERS}, silent=("⇧",))


def _tables(folder: Path) -> None:
    tokens = [*_LETTERS, "<s>", SENTENCE_END, UNKNOWN]
    lines = ["\\1-grams:", *(f"-1.5\t{token}\t-0.3" for token in tokens)]
    lines += ["\\2-grams:", *(f"-0.7\t{a} {b}\t-0.2" for a in _LETTERS for b in _LETTERS)]
    lines += ["\\3-grams:", *(f"-0.4\t{a} {b} {a}" for a in _LETTERS for b in _LETTERS)]
    write_tables(folder / LM_TABLES, tables_from_arpa(lines))


def _read_tables(folder: Path) -> None:
    _decode(FlatScorer(read_tables(folder / LM_TABLES), _facts()))


def _language_model(folder: Path) -> None:
    for name in (LM_BINARY, LM_FACTS):
        (folder / name).write_bytes((PACKAGE.find("exported/demo") / name).read_bytes())
    update_checksums(folder, LM_BINARY, LM_FACTS)


def _read_language_model(folder: Path) -> None:
    bundle = replace(open_bundle("demo"), folder=folder, language_model=_facts_in(folder))
    _decode(scorer_for(bundle, load_config().decoder.language_model))


def _decode(scorer: LanguageScorer) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    scores = np.random.default_rng(1).normal(0, 2, (12, CLASSES)).astype(np.float32)
    beam.push(Emission(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.arange(12) / 125))
    beam.finish()


FILES: Mapping[str, Kind] = {
    "session": Kind(_session, _read_session, changed_session),
    "journal": Kind(_journal, _read_journal),
    "emissions": Kind(_emissions, _read_emissions, changed_arrays),
    "person": Kind(_person, _read_person, changed_arrays),
    "flight": Kind(_flight, _read_flight, changed_arrays),
    "xdf": Kind(_xdf, _read_xdf),
    "model": Kind(_model, _read_model),
    "language_model": Kind(_language_model, _read_language_model),
    "tables": Kind(_tables, _read_tables, changed_arrays),
}


def good_files(kind: str) -> dict[str, bytes]:
    """Return good files of a kind, by name within a folder."""
    with TemporaryDirectory(prefix="emgtype-fuzz-") as name:
        folder = Path(name)
        FILES[kind].seed(folder)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(kind: str, folder: Path) -> bool:
    """Tell whether the files in a folder are accepted.

    Anything but an InputError passes through, and is a fault.
    """
    try:
        FILES[kind].read(folder)
    except InputError:
        return False
    return True
