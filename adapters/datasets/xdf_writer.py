"""Writes XDF files, as LabRecorder does: streams of samples and of text, each with its description.

After the format's specification (https://github.com/sccn/xdf/wiki/Specifications, version 1.0): a file is the word
"XDF:" and chunks, each of a length, a tag and a content. pyxdf reads such files and has no writer (pyxdf#56).
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from adapters.files.closing import Closing
from adapters.files.private import open_private
from messages.errors import InputError
from messages.signal import Chunk, Layout

_HEADER, _STREAM, _SAMPLES, _FOOTER = 1, 2, 3, 6
_UNITS = {"uV": "microvolts"}


class XdfWriter(Closing):
    """A new XDF file. Use it in a `with`.

    Only its owner can read the file, since it holds typed text. All streams are on one clock, so it needs no offsets.

    Args:
        path: The new file.
        started: Time at which the recording began, ISO 8601.

    Raises:
        InputError: The file exists, or cannot be made.
    """

    def __init__(self, path: Path, started: str) -> None:
        try:
            self._file = os.fdopen(open_private(path, new=True), "wb")
        except FileExistsError:
            raise InputError(f"{path} exists already: name a new file, or remove that one") from None
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}; name a place that can be written") from None
        self._open: list[_Stream] = []
        self._file.write(b"XDF:")
        self._chunk(_HEADER, _xml(version="1.0", datetime=started))

    def samples(self, name: str, layout: Layout) -> "SampleStream":
        """Add a stream of all bands."""
        labels = [f"{side}_{electrode}" for side in layout.sides for electrode in range(layout.electrodes)]
        unit = _UNITS.get(layout.unit, layout.unit)
        channels = "".join(
            f"<channel><label>{label}</label><unit>{unit}</unit><type>EMG</type></channel>" for label in labels
        )
        number = self._describe(name, "EMG", len(labels), layout.rate, "float32", f"<channels>{channels}</channels>")
        stream = SampleStream(self, number, len(labels))
        self._open.append(stream)
        return stream

    def markers(self, name: str) -> "MarkerStream":
        """Add a stream of texts at any times."""
        stream = MarkerStream(self, self._describe(name, "Markers", 1, 0, "string", ""))
        self._open.append(stream)
        return stream

    def close(self) -> None:
        """End all streams, and the file."""
        if self._file.closed:
            return
        try:
            for stream in self._open:
                stream.end()
        finally:
            self._file.close()

    def _describe(self, name: str, kind: str, channels: int, rate: float, form: str, description: str) -> int:
        number = len(self._open) + 1
        facts = _xml(
            f"<desc>{description}</desc>",
            name=name,
            type=kind,
            channel_count=channels,
            nominal_srate=f"{rate:g}",
            channel_format=form,
            source_id=f"emgtype-{name}",
        )
        self._chunk(_STREAM, struct.pack("<I", number) + facts)
        return number

    def _chunk(self, tag: int, content: bytes) -> None:
        self._file.write(_length(len(content) + 2) + struct.pack("<H", tag) + content)


class _Stream:
    """A stream of the file; the writer has written its description already."""

    def __init__(self, writer: XdfWriter, number: int) -> None:
        self._writer = writer
        self._number = number
        self._first = self._last = 0.0
        self._count = 0

    def _write(self, times: Sequence[float] | np.ndarray, body: bytes) -> None:
        if not len(times):
            return
        head = struct.pack("<I", self._number) + _length(len(times))
        self._writer._chunk(_SAMPLES, head + body)
        self._first = self._first if self._count else float(times[0])
        self._last = float(times[-1])
        self._count += len(times)

    def end(self) -> None:
        """Write the footer: times and number of the samples."""
        facts = _xml(first_timestamp=self._first, last_timestamp=self._last, sample_count=self._count)
        self._writer._chunk(_FOOTER, struct.pack("<I", self._number) + facts)


class SampleStream(_Stream):
    """Samples at a nominal rate, each with its time."""

    def __init__(self, writer: XdfWriter, number: int, channels: int) -> None:
        super().__init__(writer, number)
        # The number of bytes of the time stamp, the stamp, and the values.
        self._row = np.dtype([("stamp_bytes", "u1"), ("time", "<f8"), ("values", "<f4", (channels,))])

    def append(self, chunk: Chunk) -> None:
        """Add samples."""
        rows = np.empty(len(chunk.times), self._row)
        rows["stamp_bytes"], rows["time"] = 8, chunk.times
        # (T, bands, electrodes) → (T, channels)
        rows["values"] = chunk.samples.reshape(rows["values"].shape)
        self._write(chunk.times, rows.tobytes())


class MarkerStream(_Stream):
    """Texts, each at its time."""

    def append(self, time: float, text: str) -> None:
        """Add a text at a time (s)."""
        data = text.encode()
        self._write([time], struct.pack("<Bd", 8, time) + _length(len(data)) + data)


def _length(count: int) -> bytes:
    """Return a length as the format writes it: the number of its bytes, then the length."""
    return struct.pack("<BB", 1, count) if count < 256 else struct.pack("<BI", 4, count)


def _xml(inside: str = "", **facts: object) -> bytes:
    elements = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in facts.items())
    return f'<?xml version="1.0"?><info>{elements}{inside}</info>'.encode()
