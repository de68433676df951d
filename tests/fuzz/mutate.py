"""Break inputs: bytes at random, the members of an .npz with right checksums, the structure of an HDF5 file."""

import io
import random
import re
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

_NUMBER = re.compile(rb"-?\d+(\.\d+)?")
_WORDS = (b"", b"-1", b"0", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"x"', b"99999999999999999999", b"[[[[[[[[")
_VALUES = (7, -1.5, np.nan, b"\xff\xfe", [1, 2], "", np.zeros((2, 2)), True)
_KINDS = ("<f8", "<f4", "<i8", "<u1", "<c16", "<U3", "?", "V4")


def changed(chance: random.Random, data: bytes) -> bytes:
    """Return bytes flipped, cut out, doubled or moved, or numbers in a text replaced."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at, length = chance.randrange(len(made) + 1), chance.choice((1, 2, 8, 64, 1000))
        part = slice(at, min(len(made), at + length))
        match chance.randrange(7):
            case 0 | 1:
                for place in range(part.start, min(part.stop, part.start + 4)):
                    made[place] ^= 1 << chance.randrange(8)
            case 2:
                del made[part]
            case 3:
                made[part] = made[part] * 2
            case 4:
                source = chance.randrange(len(made) + 1)
                made[part] = made[source : source + length]
            case 5:
                size = len(made[part])
                made[part] = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(length)))
            case _:
                if numbers := list(_NUMBER.finditer(bytes(made[at : at + 4000]))):
                    number = chance.choice(numbers)
                    made[at + number.start() : at + number.end()] = chance.choice(_WORDS)
    return bytes(made[: chance.randrange(len(made) + 1)]) if chance.random() < 0.1 else bytes(made)


def changed_arrays(chance: random.Random, data: bytes) -> bytes:
    """Change one member of an .npz (bytes, shape, kind or name), or the file itself."""
    if chance.random() < 0.25:
        return changed(chance, data)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = chance.choice(list(members))
    members[name] = _changed_array(chance, members[name])
    if chance.random() < 0.1:
        members[chance.choice(("log_probs.npy", "times.npy", "x", "record.npy"))] = members.pop(name)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for each, content in members.items():
            file.writestr(each, content)
    return made.getvalue()


def _changed_array(chance: random.Random, member: bytes) -> bytes:
    if chance.random() < 0.3:
        return changed(chance, member)  # its head among it
    array = np.load(io.BytesIO(member))
    match chance.randrange(5):
        case 0 | 1 if array.size:
            raw = changed(chance, array.tobytes())
            rows = len(raw) // array.dtype.itemsize
            flat = np.frombuffer(raw[: rows * array.dtype.itemsize], array.dtype)
            array = flat.reshape(array.shape) if flat.size == array.size else flat
        case 2 if array.size and array.dtype.kind == "f":
            array = array.copy()
            array.flat[chance.randrange(array.size)] = chance.choice((np.nan, np.inf, -np.inf, 1e30, -1.0))
        case 3:
            array = array[: chance.randrange(len(array) + 1)] if array.ndim else array.reshape(1, 1)
        case _:
            array = np.zeros(array.shape, chance.choice(_KINDS))
    made = io.BytesIO()
    np.save(made, array)
    return made.getvalue()


def changed_session(chance: random.Random, data: bytes) -> bytes:
    """Change bytes, attributes or rows of a session file."""
    if chance.random() < 0.6:
        return changed(chance, data)
    with tempfile.TemporaryDirectory(prefix="emgtype-fuzz-") as folder:
        path = Path(folder, "session.hdf5")
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            group = file["emg2qwerty"]
            for _ in range(chance.randint(1, 3)):
                name = chance.choice([*group.attrs, "user", "other"])
                value = group.attrs.get(name, "")
                if isinstance(value, str) and chance.random() < 0.6:
                    group.attrs[name] = _changed_text(chance, value)
                else:
                    group.attrs[name] = chance.choice(_VALUES)
            if chance.random() < 0.4:
                _change_rows(chance, group)
        return path.read_bytes()


def _changed_text(chance: random.Random, text: str) -> str:
    return changed(chance, text.encode("utf-8", "replace")).decode("utf-8", "replace").replace("\0", "")


def _change_rows(chance: random.Random, group: h5py.Group) -> None:
    rows = group["timeseries"][:]
    names = list(rows.dtype.names)
    match chance.randrange(4):
        case 0:
            name = chance.choice(names)
            rows[name][chance.randrange(len(rows))] = chance.choice((np.nan, np.inf, -1e30))
        case 1:
            rows = rows[[name for name in names if chance.random() < 0.6] or names[:1]]
        case 2:
            kinds = [(name, chance.choice(_KINDS[:5]), rows.dtype[name].shape) for name in names]
            rows = np.zeros(len(rows), kinds)
        case _:
            rows = chance.choice((rows[:0], rows[:1], rows[: len(rows) // 2 * 2].reshape(2, -1), np.zeros(5)))
    del group["timeseries"]
    group.create_dataset("timeseries", data=rows, compression=chance.choice((None, "gzip")) if rows.size else None)
