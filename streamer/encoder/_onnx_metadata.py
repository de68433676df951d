"""The metadata of an ONNX file, read without its graph: a session for them alone takes a tenth of a second and more.

An ONNX file is a protocol buffer (protobuf.dev/programming-guides/encoding): fields of a number, a kind and a value,
whose nested messages tell their length, so that the weights are passed over unread.
"""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_METADATA = 14  # onnx.proto: ModelProto.metadata_props, StringStringEntryProto
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST = 10  # bytes of a number of 64 bits


def read_metadata(model: str) -> dict[str, str]:
    """The metadata of an ONNX file (path); raises ValueError or OSError where it is none, or not a whole one."""
    with Path(model).open("rb") as file:
        entries = [dict(_fields(BytesIO(entry), {_KEY, _VALUE})) for _, entry in _fields(file, {_METADATA})]
    return {entry.get(_KEY, b"").decode(): entry.get(_VALUE, b"").decode() for entry in entries}


def _fields(file: BinaryIO, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Number and content of the wanted fields that have a length."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    while file.tell() < end:
        number, kind = divmod(_varint(file), 8)
        if kind == _VARINT:
            _varint(file)
            continue
        if kind not in (_FIXED64, _FIXED32, _LENGTH):
            raise ValueError(f"a field of kind {kind}: no protocol buffer")
        length = _varint(file) if kind == _LENGTH else 8 if kind == _FIXED64 else 4
        if file.tell() + length > end:
            raise ValueError("the file ends within a field")
        if number in wanted and kind == _LENGTH:
            yield number, file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _varint(file: BinaryIO) -> int:
    """A number in groups of seven bits, the lowest first."""
    value = 0
    for place in range(_LONGEST):
        (byte,) = file.read(1) or b"\x80"
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value
    raise ValueError("a number without end: no protocol buffer")
