"""Makes an HDF5 session file around rows that lie on disk already: all of the file but the rows.

h5py writes the file into a `SessionImage`, a file object that keeps what comes before and after the rows in memory, and
never touches the rows between them.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import h5py
import numpy as np

from adapters.sessions import format as form
from adapters.sessions.truth import SessionTruth

HEAD = 2**20
"""Bytes before the first row.

HDF5's structures go into the first half, and key presses as far as they fit: what has room here needs none on a full
disk.
"""
SPARE_HEAD = HEAD - 2**16
"""Offset in the head behind which HDF5 writes nothing."""
LEAST = 2**16 // form.RECORD.itemsize + 1
"""Smallest number of rows that HDF5 puts at the end of the head: a quarter of a second."""


class SessionImage:
    """The file object that h5py writes to: the bytes before the rows and behind them.

    Args:
        rows: Number of rows between them.
    """

    def __init__(self, rows: int) -> None:
        self.head = bytearray(HEAD)
        """Bytes before the rows."""
        self.tail = bytearray()
        """Bytes behind the rows."""
        self._tail_at = HEAD + rows * form.RECORD.itemsize
        self._position = 0
        self.size = 0
        """Bytes of the whole file."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position, as io.IOBase.seek does."""
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position, as io.IOBase.tell does."""
        return self._position

    def write(self, data: bytes) -> int:
        """Write bytes at the position, and return their number.

        Raises:
            ValueError: The rows lie there.
        """
        count, begin = len(data), self._position
        if begin + count <= HEAD:
            self.head[begin : begin + count] = data
        elif begin >= self._tail_at:
            begin -= self._tail_at
            self.tail.extend(bytes(max(0, begin + count - len(self.tail))))
            self.tail[begin : begin + count] = data
        else:
            raise ValueError("HDF5 would write over the samples")
        self._position += count
        self.size = max(self.size, self._position)
        return count

    def read(self, count: int = -1) -> bytes:
        """Return at most `count` bytes from the position on; the position stays."""
        if self._position < HEAD:
            return bytes(self.head[self._position : self._position + count])
        return bytes(self.tail[self._position - self._tail_at : self._position - self._tail_at + count])

    def readinto(self, buffer: Any) -> int:
        """Read bytes from the position on into a buffer, and return their number."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file, by default to the position, and return it."""
        self.size = self._position if size is None else size
        return self.size

    def flush(self) -> None:
        """Do nothing: all bytes are in memory."""


def session_image(rows: int, attributes: Mapping[str, Any], truth: SessionTruth) -> SessionImage:
    """Return the file around `rows` rows, the first of which begins at `HEAD`.

    Args:
        rows: Number of rows, at least `LEAST`.
        attributes: Attributes of the session, beside the truth.
        truth: Key presses and prompts.

    Raises:
        ValueError: HDF5 would place the rows elsewhere.
    """
    image = SessionImage(rows)
    size = rows * form.RECORD.itemsize
    # Nothing but the rows is large enough to be aligned; they are, to the first multiple of HEAD.
    with h5py.File(image, "w", alignment_threshold=size, alignment_interval=HEAD, meta_block_size=HEAD // 2) as file:
        group = file.create_group(form.GROUP)
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.CONTIGUOUS)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        kind, space = h5py.h5t.py_create(form.RECORD, logical=True), h5py.h5s.create_simple((rows,))
        offset = h5py.h5d.create(group.id, form.SERIES.encode(), kind, space, properties).get_offset()
        if offset != HEAD:
            raise ValueError(f"HDF5 puts the rows at {offset}, not at {HEAD}")
        _attach(group, attributes, truth)
    if any(image.head[SPARE_HEAD:]):
        raise ValueError("HDF5 needs more room before the rows than it has")
    return image


def small_file(rows: np.ndarray, attributes: Mapping[str, Any], truth: SessionTruth) -> bytes:
    """Return a whole file of fewer than `LEAST` rows.

    Raises:
        ValueError: It is longer than `SPARE_HEAD`.
    """
    content = BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group(form.GROUP)
        group.create_dataset(form.SERIES, data=rows)
        _attach(group, attributes, truth)
    if len(content.getvalue()) > SPARE_HEAD:
        raise ValueError("HDF5 needs more room than there is before the rows")
    return content.getvalue()


def _attach(group: h5py.Group, attributes: Mapping[str, Any], truth: SessionTruth) -> None:
    for name, value in attributes.items():
        group.attrs[name] = value
    truth.write(group.attrs)
