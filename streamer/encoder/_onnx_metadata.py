"""The metadata of an ONNX file, without its graph: a session for them alone takes a tenth of a second and more.

An ONNX file is a protocol buffer (protobuf.dev/programming-guides/encoding): fields of a number, a kind and a value.
Nested messages state their length, so the weights can be passed over unread. The metadata are fields of their own
(onnx.proto: ModelProto.metadata_props, each a StringStringEntryProto).
"""

import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_METADATA = 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MOST_BYTES = 10
"""Bytes of a number of 64 bits."""


def read_metadata(model: str) -> dict[str, str]:
    """Read the metadata of an ONNX file (path); raises ValueError or OSError where it is none, or not a whole one."""
    with Path(model).open("rb") as file:
        entries = [
            {number: entry[start:end] for number, start, end in _fields(BytesIO(entry)) if number in (_KEY, _VALUE)}
            for entry in [_content(file, start, end) for number, start, end in _fields(file) if number == _METADATA]
        ]
    return {entry.get(_KEY, b"").decode(): entry.get(_VALUE, b"").decode() for entry in entries}


def replace_metadata(model: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return the content of an ONNX file with other metadata, all else bit for bit; ValueError where it is none."""
    file = BytesIO(model)
    kept = bytearray()
    before = 0
    for number, _, end in _fields(file):
        if number != _METADATA:
            kept += model[before:end]
        before = end
    for key, value in metadata.items():
        entry = _field(_KEY, key.encode()) + _field(_VALUE, value.encode())
        kept += _field(_METADATA, entry)
    return bytes(kept)


def _fields(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Iterate over the fields: number, and where in the file the content begins and ends."""
    size = file.seek(0, os.SEEK_END)
    at = 0
    while at < size:
        file.seek(at)
        number, kind = divmod(_varint(file), 8)
        start = file.tell()
        if kind == _VARINT:
            _varint(file)
            at = file.tell()
        elif kind in (_FIXED64, _FIXED32, _LENGTH):
            length = _varint(file) if kind == _LENGTH else 8 if kind == _FIXED64 else 4
            start = file.tell()
            at = start + length
        else:
            raise ValueError(f"a field of kind {kind}: no protocol buffer")
        if at > size:
            raise ValueError("the file ends within a field")
        yield number, start, at


def _content(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _varint(file: BinaryIO) -> int:
    """Read a number in groups of seven bits, the lowest first."""
    value = 0
    for place in range(_MOST_BYTES):
        (byte,) = file.read(1) or b"\x80"
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value
    raise ValueError("a number without end: no protocol buffer")


def _field(number: int, content: bytes) -> bytes:
    """Encode a field that states its length."""
    return _encoded(number * 8 + _LENGTH) + _encoded(len(content)) + content


def _encoded(value: int) -> bytes:
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    groups.append(value)
    return bytes(groups)
