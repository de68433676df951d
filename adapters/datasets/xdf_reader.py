"""Reads XDF files, as LabRecorder writes them, by pyxdf: their streams become samples as a device would send them.

Times are the stamps with the file's clock offsets applied and nothing else, as they are live (pyxdf's dejittering
smooths over gaps). The whole file is read into memory: 150 bytes a sample.
"""

import gzip
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from adapters.lsl.channels import map_channels
from adapters.lsl.discover import StreamSummary
from messages.errors import InputError
from messages.signal import BandChunk, Chunk, Layout
from streamer.arrival.aligner import BandAligner

SUFFIXES = (".xdf", ".xdfz")
_MAGIC = b"XDF:"
_UNIX = 1e9
"""Seconds from which on a stamp is unix time: an LSL clock counts from the start of its machine."""
_Stream = tuple[StreamSummary, Any]
"""A stream's summary, and its content as pyxdf gives it."""
_PIECE = 200
"""Number of samples by which bands are paired."""


@dataclass(frozen=True, slots=True)
class XdfRecording:
    """The content of a file that makes a session."""

    bands: tuple[BandChunk, ...]
    """One item with the electrodes of all bands side by side, or one item per band."""
    layout: Layout
    """Layout of the samples."""
    epoch: float
    """Unix seconds at zero of the file's clock."""
    markers: tuple[tuple[float, str], ...]
    """Texts of marker streams, with their times (s)."""
    notes: tuple[str, ...]
    """Sentences about assumptions that were made."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the samples of all bands, on the file's clock."""
        if len(self.bands) == 1:
            (both,) = self.bands
            shape = (-1, self.layout.bands, self.layout.electrodes)
            yield Chunk(both.samples.reshape(shape), both.times, self.layout)
            return
        aligner = BandAligner(self.layout)
        done = [0 for _ in self.bands]
        while any(first < len(band.times) for first, band in zip(done, self.bands, strict=True)):
            # The band that is behind comes next, so that none waits longer than the aligner keeps it.
            nexts = [float(b.times[i]) if i < len(b.times) else np.inf for i, b in zip(done, self.bands, strict=True)]
            band = int(np.argmin(nexts))
            part = slice(done[band], done[band] + _PIECE)
            done[band] += _PIECE
            piece = BandChunk(self.bands[band].samples[part], self.bands[band].times[part], band)
            if (chunk := aligner.push(piece)) is not None:
                yield chunk


def read_xdf(path: Path, layout: Layout, names: Sequence[str] = ()) -> XdfRecording:
    """Read a file.

    Args:
        path: The file.
        layout: Layout that its EMG must have.
        names: Name of the stream with all bands, or of one stream per band in the layout's order; empty: the streams of
            type EMG.

    Raises:
        InputError: It is no XDF file, it has other streams than these, or the streams do not fit the layout.
    """
    # Imported here, since the library is optional.
    import pyxdf  # noqa: PLC0415

    # Its warnings are about irregularities that are checked here.
    logging.getLogger("pyxdf").setLevel(logging.ERROR)
    _check_magic(path)
    try:
        streams, header = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
        summarised = [(_summary(stream["info"]), stream) for stream in streams]
    except Exception as error:
        raise InputError(f"{path} cannot be read as XDF ({error}): restore it from its source") from None
    chosen = _choose(summarised, names, path)
    sides = [layout.sides] if len(chosen) == 1 else [(side,) for side in layout.sides]
    if len(chosen) == layout.bands and not names:
        chosen = _by_side(chosen, layout)
    bands, notes = [], list[str]()
    for number, ((summary, stream), stream_sides) in enumerate(zip(chosen, sides, strict=True)):
        channels = map_channels(summary, layout, stream_sides)
        values = np.asarray(stream["time_series"])[:, channels.columns].astype(np.float32) * channels.scale
        bands.append(BandChunk(values, np.asarray(stream["time_stamps"], np.float64), number))
        notes += channels.notes
        if not len(values):
            raise InputError(f"stream {summary.name!r} of {path} holds no samples: record again")
    first = min(float(band.times[0]) for band in bands)
    epoch, assumptions = _epoch(header, first)
    markers = sorted(
        (float(time), str(text[0]))
        for summary, stream in summarised
        if summary.format == "string"
        for time, text in zip(stream["time_stamps"], stream["time_series"], strict=True)
    )
    return XdfRecording(tuple(bands), layout, epoch, tuple(markers), (*notes, *assumptions))


def _check_magic(path: Path) -> None:
    """Check the first bytes, since pyxdf would leave another file open."""
    if not path.is_file():
        raise InputError(f"no file {path}: name an existing XDF file")
    with gzip.open(path) if path.suffix == SUFFIXES[1] else path.open("rb") as file, suppress(OSError):
        if file.read(len(_MAGIC)) == _MAGIC:
            return
    raise InputError(f"{path} is no XDF file: expected one that LabRecorder wrote")


def _choose(streams: list[_Stream], names: Sequence[str], path: Path) -> list[_Stream]:
    listed = "; ".join(str(summary) for summary, _ in streams) or "no stream at all"
    if names:
        chosen = [[each for each in streams if each[0].name == name] for name in names]
        for name, matches in zip(names, chosen, strict=True):
            if len(matches) != 1:
                raise InputError(f"{path} holds {len(matches)} streams named {name!r}, expected one: found {listed}")
        return [matches[0] for matches in chosen]
    signals = [each for each in streams if each[0].type.casefold() in ("emg", "semg")]
    if len(signals) not in (1, 2):
        raise InputError(
            f"{path} holds {len(signals)} streams of type EMG, expected one, or one per band: name them by --stream or "
            f"--bands; found {listed}"
        )
    return signals


def _by_side(chosen: list[_Stream], layout: Layout) -> list[_Stream]:
    """Return the streams in the layout's order, by the sides in their names or labels."""
    ordered = []
    for side in layout.sides:
        matches = [each for each in chosen if side in f"{each[0].name} {' '.join(each[0].labels)}".casefold()]
        if len(matches) != 1:
            names = " and ".join(repr(summary.name) for summary, _ in chosen)
            raise InputError(f"neither name nor labels of {names} tell which band is the {side} one: add --bands")
        ordered += matches
    return ordered


def _epoch(header: Mapping[str, Any], first: float) -> tuple[float, list[str]]:
    """Return the unix seconds at zero of the file's clock, and sentences about assumptions."""
    if first >= _UNIX:
        return 0.0, []
    try:
        started = datetime.fromisoformat(_text(header["info"], "datetime")).timestamp()
    except (ValueError, KeyError, TypeError):
        return 0.0, ["the file does not say when it was recorded: the times stay those of its own clock"]
    return started - first, ["the time of day is that of the file's header, to a second or so"]


def _summary(info: Mapping[str, Any]) -> StreamSummary:
    channels: list[Mapping[str, Any]] = []
    if isinstance(description := (info.get("desc") or [None])[0], Mapping):
        listed = (description.get("channels") or [None])[0]
        channels = list((listed or {}).get("channel") or [])
    labels = tuple(_text(channel, "label") for channel in channels)
    units = tuple(_text(channel, "unit") for channel in channels)
    form = _text(info, "channel_format")
    return StreamSummary(
        name=_text(info, "name"),
        type=_text(info, "type"),
        channels=int(_text(info, "channel_count")),
        rate=float(_text(info, "nominal_srate")),
        format={"double64": "float64"}.get(form, form),
        source_id=_text(info, "source_id"),
        hostname=_text(info, "hostname"),
        labels=labels if any(labels) else (),
        units=units if any(units) else (),
    )


def _text(table: Mapping[str, Any], name: str) -> str:
    """Return the text of an XML element; pyxdf gives a list of the element's occurrences."""
    values = table.get(name) or [""]
    return str(values[0] or "").strip()
