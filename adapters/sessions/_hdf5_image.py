"""What makes an HDF5 session file of rows that lie on disk already: all of the file but the rows."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import h5py
import numpy as np

from adapters.sessions import format as form
from adapters.sessions.truth import SessionTruth

HEAD = 2**20
"""Bytes before the first row. HDF5's own come into the first half of it, and key presses as far as they fit: what has
room here needs none when the disk is full."""
SPARE_HEAD = HEAD - 2**16
"""Where HDF5 leaves room in the head."""
LEAST = 2**16 // form.RECORD.itemsize + 1
"""Rows from which on HDF5 puts them where the head ends: a quarter of a second."""


class SessionImage:
    """A file of HDF5's that begins with `head` and ends with `tail`; between them are rows, which it never touches.

    It is what h5py wants of a file object.
    """

    def __init__(self, rows: int) -> None:
        self.head = bytearray(HEAD)
        self.tail = bytearray()
        """Behind the rows."""
        self._end = HEAD + rows * form.RECORD.itemsize
        self._at = 0
        self.size = 0
        """Bytes of the whole file."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def write(self, data: bytes) -> int:
        """As of a file; ValueError where the rows lie."""
        count, begin = len(data), self._at
        if begin + count <= HEAD:
            self.head[begin : begin + count] = data
        elif begin >= self._end:
            begin -= self._end
            self.tail.extend(bytes(max(0, begin + count - len(self.tail))))
            self.tail[begin : begin + count] = data
        else:
            raise ValueError("HDF5 would write over the samples")
        self._at += count
        self.size = max(self.size, self._at)
        return count

    def read(self, count: int = -1) -> bytes:
        """As of a file."""
        if self._at < HEAD:
            return bytes(self.head[self._at : self._at + count])
        return bytes(self.tail[self._at - self._end : self._at - self._end + count])

    def readinto(self, buffer: Any) -> int:
        """As of a file."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """As of a file."""
        self.size = self._at if size is None else size
        return self.size

    def flush(self) -> None:
        """Nothing waits."""


def session_image(rows: int, attributes: Mapping[str, Any], truth: SessionTruth) -> SessionImage:
    """The file around so many rows that begin at `HEAD`.

    Args:
        rows: At least `LEAST`.
        attributes: Of the session, beside the truth.
        truth: Key presses and prompts.

    Raises:
        ValueError: HDF5 would have the rows elsewhere.
    """
    image = SessionImage(rows)
    size = rows * form.RECORD.itemsize
    # Nothing but the rows is aligned; they are, to the first multiple of HEAD.
    with h5py.File(image, "w", alignment_threshold=size, alignment_interval=HEAD, meta_block_size=HEAD // 2) as file:
        group = file.create_group(form.GROUP)
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_layout(h5py.h5d.CONTIGUOUS)
        how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        kind, space = h5py.h5t.py_create(form.RECORD, logical=True), h5py.h5s.create_simple((rows,))
        offset = h5py.h5d.create(group.id, form.SERIES.encode(), kind, space, how).get_offset()
        if offset != HEAD:
            raise ValueError(f"HDF5 puts the rows at {offset}, not at {HEAD}")
        _attach(group, attributes, truth)
    if any(image.head[SPARE_HEAD:]):
        raise ValueError("HDF5 needs more room before the rows than it has")
    return image


def small_file(rows: np.ndarray, attributes: Mapping[str, Any], truth: SessionTruth) -> bytes:
    """A whole file, rows and all, for fewer than `LEAST`."""
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
