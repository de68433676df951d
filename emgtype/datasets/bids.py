"""A data set as BIDS (EMG-BIDS, BEP 042) by way of mne-bids, and back.

The samples become BDF: 24 bits of each channel's own range, so a value changes by at most half a step. BDF has no time
stamps: an extra channel holds the difference of each sample's stamp from an even 2 kHz. events.tsv holds the keys.
"""

import json
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mne
import mne_bids
import numpy as np

from adapters.datasets.bdf_writer import BdfChannel, BdfWriter, physical_max
from adapters.datasets.dataset import SUFFIX, Dataset, SessionEntry, write_metadata
from adapters.sessions import format as form
from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from emgtype.datasets.events import COLUMNS, read_events, write_events
from messages.errors import InputError
from messages.signal import F64, Chunk

TASK = "typing"
STAMPS = "stamps"
"""Name of the channel of stamps: seconds by which a sample's stamp is later than an even rate from the first stamp."""
CHANNELS = [f"{side}{electrode:02d}" for side in form.LAYOUT.sides for electrode in range(form.LAYOUT.electrodes)]
_RATE = int(form.LAYOUT.rate)
_MAINS_HZ = 60.0
"""Mains frequency where emg2qwerty was recorded."""
_FILTER = "HP:40Hz LP:850Hz"
_NAME, _USER, _CONDITION, _TAGS = "SessionName", "User", "Condition", "QualityCheckTags"
_ORIGIN = "Origin"
_START, _COUNT = "FirstSampleTime", "SampleCount"
_ROWS = 20 * _RATE
"""Samples in memory at once."""


def write_bids(dataset: Dataset, root: Path, advance: Callable[[int], None] = lambda _rows: None) -> list[Path]:
    """Write a data set as a new BIDS folder, a user's sessions as `ses-01` ... in order of their names.

    Args:
        dataset: Sessions to write.
        root: New or empty folder.
        advance: Gets the count of samples done since the last call.

    Returns:
        Paths of the recordings.

    Raises:
        InputError: The folder is in use, or a file is missing or broken.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root} is not empty: name a new folder for the BIDS data set")
    # BIDS allows letters and digits alone.
    labels = {user: re.sub(r"[^0-9A-Za-z]", "", user) for user in dataset.users}
    if len(set(labels.values()) - {""}) < len(labels):
        raise InputError(
            f"the users {', '.join(labels)} are not told apart by letters and digits: BIDS allows no more; rename them"
        )
    sources = {entry.session: dataset.path(entry.session) for entry in dataset.entries}
    root.mkdir(parents=True, exist_ok=True)
    mne_bids.make_dataset_description(path=root, name=f"{dataset.folder.resolve().name}, by emgtype", verbose="ERROR")
    recordings = []
    for user in dataset.users:
        for number, session in enumerate(dataset.sessions_of(user), start=1):
            place = mne_bids.BIDSPath(
                subject=labels[user], session=f"{number:02d}", task=TASK, datatype="emg", suffix="emg", root=root
            )
            with SessionReader(sources[session]) as reader:
                recordings.append(_write_recording(reader, dataset.entry(session), place, advance))
    return recordings


def _write_recording(session: SessionReader, entry: SessionEntry, place: Any, advance: Callable[[int], None]) -> Path:
    ranges, times = _ranges(session)
    with tempfile.TemporaryDirectory(dir=place.root.parent) as folder:
        path = Path(folder) / "recording.bdf"
        electrodes = [
            BdfChannel(name, "uV", physical_max(most), _FILTER) for name, most in zip(CHANNELS, ranges, strict=True)
        ]
        late = times - times[0] - np.arange(len(times)) / _RATE
        stamps = BdfChannel(STAMPS, "s", physical_max(float(np.abs(late).max())))
        with BdfWriter(path, [*electrodes, stamps], _RATE, times[0]) as file:
            done = 0
            for chunk in session.chunks(_ROWS):
                part = late[done : done + len(chunk.times), None]
                file.append(np.concatenate([chunk.samples.reshape(len(part), -1), part], axis=1, dtype=np.float64))
                done += len(part)
                advance(len(part))
        raw = mne.io.read_raw_bdf(path, misc=[STAMPS], verbose="ERROR")
        raw.set_channel_types(dict.fromkeys(CHANNELS, "emg"), verbose="ERROR")
        raw.info["line_freq"] = _MAINS_HZ
        with warnings.catch_warnings():
            # The places of the electrodes were not measured: there are no coordinates to write.
            warnings.filterwarnings("ignore", message="No electrode location info")
            written = mne_bids.write_raw_bids(raw, place, emg_placement="Other", verbose="ERROR")
    _complete(written, session, entry, times)
    return Path(written.fpath)


def _ranges(session: SessionReader) -> tuple[F64, F64]:
    most, times = np.zeros(len(CHANNELS)), []
    for chunk in session.chunks(_ROWS):
        most = np.maximum(most, np.abs(chunk.samples.reshape(len(chunk.times), -1)).max(axis=0))
        times.append(chunk.times)
    return most, np.concatenate(times)


def _complete(place: Any, session: SessionReader, entry: SessionEntry, times: F64) -> None:
    """Add what mne-bids cannot know: the keys, the bands, and the facts to restore the session file from."""
    start, end = session.start, session.end

    def onset(time: float) -> float:
        inside = float(np.interp(time, times, np.arange(len(times)))) / _RATE
        return inside + min(time - start, 0.0) + max(time - end, 0.0)

    events = place.copy().update(suffix="events", extension=".tsv")
    write_events(events.fpath, session.keystrokes, session.prompts, onset)
    _write_json(events.fpath.with_suffix(".json"), COLUMNS)
    sidecar = place.copy().update(extension=".json").fpath
    facts = json.loads(sidecar.read_text("utf-8")) | {
        "EMGPlacementSchemeDescription": "Two wristbands, one a wrist, put on anew for every session: 16 bipolar dry "
        "electrodes each, evenly round the wrist; the last is beside the first. The same device on both wrists.",
        "EMGReference": "bipolar",
        # mne-bids takes every BDF for a BioSemi recording.
        "Manufacturer": "n/a",
        "SoftwareFilters": {"high-pass": {"cutoff (Hz)": 40}},
        "RecordingDuration": len(times) / _RATE,
        _NAME: entry.session,
        _USER: entry.user,
        _CONDITION: entry.condition,
        _TAGS: list(entry.quality_check_tags),
        _ORIGIN: session.origin,
        _START: start,
        _COUNT: len(times),
    }
    _write_json(sidecar, facts)
    channels = place.copy().update(suffix="channels", extension=".tsv").fpath
    head, *rows = channels.read_text("utf-8-sig").splitlines()
    bands = [f"{side} wrist\telectrode {i}" for side in form.LAYOUT.sides for i in range(form.LAYOUT.electrodes)]
    lines = [f"{head}\tgroup\tplacement_description"]
    lines += [f"{row}\t{band}" for row, band in zip(rows, [*bands, "n/a\tn/a"], strict=True)]
    channels.write_text("\n".join(lines) + "\n", "utf-8")


def read_bids(root: Path, folder: Path, advance: Callable[[int], None] = lambda _rows: None) -> list[SessionEntry]:
    """Write the session files and metadata.csv of a BIDS folder that `write_bids` made.

    Args:
        root: BIDS folder.
        folder: Where the session files go; none is replaced.
        advance: Gets the count of samples done since the last call.

    Returns:
        The entries of metadata.csv.

    Raises:
        InputError: There is no such recording, or a session file exists.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}: name a BIDS data set")
    places = mne_bids.find_matching_paths(root, datatypes="emg", suffixes="emg", extensions=".bdf")
    if not places:
        raise InputError(f"{root} holds no EMG recording in BDF: name a data set that `emgtype data bids` made")
    folder.mkdir(parents=True, exist_ok=True)
    entries = [_read_recording(place, folder, advance) for place in places]
    write_metadata(folder, entries)
    return entries


def _read_recording(place: Any, folder: Path, advance: Callable[[int], None]) -> SessionEntry:
    sidecar = place.copy().update(extension=".json").fpath
    try:
        facts = json.loads(sidecar.read_text("utf-8"))
        name, user, condition, tags, origin = (facts[key] for key in (_NAME, _USER, _CONDITION, _TAGS, _ORIGIN))
        start, count = float(facts[_START]), int(facts[_COUNT])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{sidecar} lacks a fact of the session file ({error}): only BIDS that emgtype wrote can be read"
        ) from None
    if Path(name).name != name:
        raise InputError(f"{sidecar} names the session {name!r}: expected a file name without folders")
    keystrokes, prompts = read_events(place.copy().update(suffix="events", extension=".tsv").fpath)
    with SessionWriter(folder / f"{name}{SUFFIX}", user, condition, origin=origin) as writer:
        writer.keystrokes, writer.prompts = keystrokes, prompts
        for chunk in _chunks(place, start, count):
            writer.append(chunk)
            advance(len(chunk.times))
            end = chunk.times[-1]
    return SessionEntry(user, name, condition, (end - start) / 60, len(keystrokes), len(prompts), tuple(tags))


def _chunks(place: Any, start: float, count: int) -> Iterator[Chunk]:
    raw = mne_bids.read_raw_bids(place, verbose="ERROR")
    latest = start
    for first in range(0, count, _ROWS):
        last = min(first + _ROWS, count)
        volts = raw.get_data(picks=CHANNELS, start=first, stop=last)
        late = raw.get_data(picks=[STAMPS], start=first, stop=last)[0]
        times = np.maximum.accumulate(start + np.arange(first, last) / _RATE + late)
        # Rounding must not make equal stamps fall.
        times = np.maximum(times, latest)
        latest = float(times[-1])
        samples = (volts.T * 1e6).astype(np.float32)
        yield Chunk(samples.reshape(-1, len(form.LAYOUT.sides), form.LAYOUT.electrodes), times, form.LAYOUT)


def _write_json(path: Path, facts: Any) -> None:
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
