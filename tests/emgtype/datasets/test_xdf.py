"""XDF out, read back by pyxdf, and XDF in: one stream or two, clock offsets, other labels and units, markers."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.datasets.xdf_reader import read_xdf
from adapters.datasets.xdf_writer import XdfWriter
from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.reader import SessionReader
from emgtype.datasets.xdf import convert
from messages.errors import InputError
from messages.signal import Chunk
from messages.typed import Keystroke, Prompt

pyxdf = pytest.importorskip("pyxdf")
KEYS = (Keystroke("a", 1.7e9 + 0.25, 1.7e9 + 0.3123), Keystroke("<", 1.7e9 + 0.5, 1.7e9 + 0.6))
PROMPTS = (Prompt("so “it” & that", 1.7e9, 1.7e9 + 2),)


def chunk_of(count: int, start: float = 1.7e9) -> Chunk:
    samples = np.random.default_rng(5).normal(0, 20, (count, 2, 16)).astype(np.float32)
    return Chunk(samples, start + np.arange(count) / 2000, LAYOUT)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "s.hdf5"
    with SessionJournal(path, "00000007", "on_keyboard") as journal:
        journal.append(chunk_of(5000))
        for entry in (*KEYS, *PROMPTS):
            journal.note(entry)
    return path


def quiet(_sentence: str) -> None:
    """Nobody listens."""


def test_pyxdf_reads_what_is_written(session: Path, tmp_path: Path) -> None:
    convert(session, tmp_path / "s.xdf", "", [], quiet)
    assert (tmp_path / "s.xdf").stat().st_mode & 0o777 == 0o600
    (signal, truth), header = pyxdf.load_xdf(str(tmp_path / "s.xdf"), dejitter_timestamps=False)
    whole = chunk_of(5000)
    assert np.array_equal(signal["time_series"], whole.samples.reshape(5000, 32))
    assert np.array_equal(signal["time_stamps"], whole.times)
    info = signal["info"]
    assert (info["name"], info["type"], info["channel_format"]) == (["emgtype"], ["EMG"], ["float32"])
    channels = info["desc"][0]["channels"][0]["channel"]
    assert [channels[0]["label"], channels[31]["label"]] == [["left_0"], ["right_15"]]
    assert {channel["unit"][0] for channel in channels} == {"microvolts"}
    assert signal["footer"]["info"]["sample_count"] == ["5000"]
    assert truth["info"]["type"] == ["Markers"]
    assert len(truth["time_series"]) == 3
    assert header["info"]["datetime"][0].startswith("2023-11-14T22:13:20")


def test_there_and_back_is_the_same_session(session: Path, tmp_path: Path) -> None:
    convert(session, tmp_path / "s.xdf", "", [], quiet)
    convert(tmp_path / "s.xdf", tmp_path / "back.hdf5", "00000007", [], quiet)
    with SessionReader(session) as a, SessionReader(tmp_path / "back.hdf5") as b:
        assert np.array_equal(a.read(0, 5000).samples, b.read(0, len(b)).samples)
        assert np.array_equal(a.read(0, 5000).times, b.read(0, len(b)).times)
        assert (b.keystrokes, b.prompts, b.user, b.condition) == (KEYS, PROMPTS, "00000007", "on_keyboard")


def part(tag: int, content: bytes) -> bytes:
    """Return a chunk of a file, as LabRecorder writes it."""
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def described(number: int, name: str, kind: str, labels: list[str], unit: str = "mV", rate: float = 2000) -> bytes:
    channels = "".join(f"<channel><label>{label}</label><unit>{unit}</unit></channel>" for label in labels)
    facts = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type><channel_count>{len(labels)}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>float32</channel_format>"
        f"<desc><channels>{channels}</channels></desc></info>"
    )
    return part(2, struct.pack("<I", number) + facts.encode())


def begun(*parts: bytes) -> bytes:
    """Return a file of some chunks."""
    header = "<?xml version='1.0'?><info><version>1.0</version><datetime>2026-11-21T12:00:00+0000</datetime></info>"
    return b"XDF:" + b"".join([part(1, header.encode()), *parts])


def two_streams(path: Path, names: tuple[str, str] = ("emg right", "emg left")) -> Chunk:
    """Write the right band first, its clock 100 s behind; in millivolts, labelled from 1."""
    whole, parts = chunk_of(8000, start=500.0), []
    for number, (name, band, behind) in enumerate(zip(names, (1, 0), (100.0, 0.0), strict=True), 1):
        labels = [f"EMG {LAYOUT.sides[band]} {electrode}" for electrode in range(1, 17)]
        parts.append(described(number, name, "EMG", labels))
        parts += [part(4, struct.pack("<Idd", number, at, behind)) for at in np.arange(0.0, 30.0, 5.0)]
        rows = np.empty(8000, np.dtype([("stamped", "u1"), ("time", "<f8"), ("values", "<f4", (16,))]))
        rows["stamped"], rows["time"], rows["values"] = 8, whole.times - behind, whole.samples[:, band] / 1e3
        for first in range(0, 8000, 500):
            some = rows[first : first + 500]
            parts.append(part(3, struct.pack("<IBI", number, 4, len(some)) + some.tobytes()))
    path.write_bytes(begun(*parts))
    return whole


@pytest.mark.parametrize("names", [[], ["emg left", "emg right"]])
def test_two_bands_with_clocks_of_their_own_become_one_session(tmp_path: Path, names: list[str]) -> None:
    whole = two_streams(tmp_path / "two.xdf")
    notes: list[str] = []
    convert(tmp_path / "two.xdf", tmp_path / "s.hdf5", "1", names, notes.append)
    with SessionReader(tmp_path / "s.hdf5") as session:
        got = session.read(0, len(session))
        assert len(got.times) >= 7998
        assert np.allclose(got.samples, whole.samples[: len(got.times)], rtol=1e-5, atol=1e-4)
        assert np.allclose(np.diff(got.times), 1 / 2000, atol=1e-5)
        assert session.start == pytest.approx(1795262400.0)  # the header's
        assert session.condition == "on_table"
    assert notes[0].endswith("the time of day is that of the file's header, to a second or so")


def test_markers_of_others_are_left_out_and_told(tmp_path: Path) -> None:
    with XdfWriter(tmp_path / "m.xdf", "2026-11-21T12:00:00+00:00") as writer:
        writer.samples("bands", LAYOUT).append(chunk_of(4000))
        markers = writer.markers("experiment")
        markers.append(1.7e9 + 0.5, "trial 1")
        markers.append(1.7e9 + 0.6, '{"key": "q", "start": 5, "end": 5.25}')
    notes: list[str] = []
    convert(tmp_path / "m.xdf", tmp_path / "s.hdf5", "1", ["bands"], notes.append)
    assert "note: 1 markers are no key presses or prompts of emgtype: left out" in notes
    with SessionReader(tmp_path / "s.hdf5") as session:
        assert session.keystrokes == (Keystroke("q", 1.7e9 + 0.6, 1.7e9 + 0.85),)


def other(**changes: Any) -> bytes:
    return begun(described(**{"number": 1, "name": "s", "kind": "EMG", "labels": [""] * 32, **changes}))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no XDF at all", "is no XDF file"),
        (other(kind="EEG"), "holds 0 streams of type EMG, expected one, .* found 's'"),
        (other(labels=[""] * 8), "has 8 EMG channels, expected 32"),
        (other(rate=1000), "nominal rate of 1000 Hz"),
        (other(unit="T"), "states the unit 'T'"),
        (other(), "holds no samples"),
        (begun(), "found no stream at all"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "s.xdf").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_xdf(tmp_path / "s.xdf", LAYOUT)


def test_two_streams_of_one_name_are_told_apart_by_their_labels_alone(tmp_path: Path) -> None:
    two_streams(tmp_path / "s.xdf", ("a", "a"))
    assert len(read_xdf(tmp_path / "s.xdf", LAYOUT).bands) == 2
    with pytest.raises(InputError, match="holds 2 streams named 'a', expected one"):
        read_xdf(tmp_path / "s.xdf", LAYOUT, ["a"])


def test_names_that_lead_nowhere_are_told(session: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.hdf5 to s\.edf: expected \.xdf or \.xdfz to \.hdf5"):
        convert(session, tmp_path / "s.edf", "", [], quiet)
    with pytest.raises(InputError, match="--user, --stream and --bands go with an XDF file"):
        convert(session, tmp_path / "s.xdf", "1", [], quiet)
    with pytest.raises(InputError, match="no file"):
        convert(tmp_path / "none.xdf", tmp_path / "t.hdf5", "1", [], quiet)
    convert(session, tmp_path / "s.xdf", "", [], quiet)
    with pytest.raises(InputError, match="exists already"):
        convert(session, tmp_path / "s.xdf", "", [], quiet)
