"""Arrays from .npz files, which anybody may have written."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """All arrays of a file by name; nothing in it is executed.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is no .npz, or a broken one.
    """
    with path.open("rb") as raw:
        try:
            with np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except Exception as error:  # zip, compression and numpy's head each have errors of their own, without a base
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"no .npz of numpy, or a broken one: {reason[:200]}") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # numpy gives the bytes of a member that is none
            raise ValueError(f"{name[:80]!r} in it is no array")  # noqa: TRY004 - whoever reads the file is not at fault
        codes = np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
        if array.dtype.kind == "U" and (np.frombuffer(array.tobytes(), codes) > sys.maxunicode).any():
            raise ValueError(f"{name[:80]!r} in it is no text")
    return arrays
