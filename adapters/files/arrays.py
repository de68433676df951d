"""Arrays from .npz files, which anybody may have written."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of a file by name; nothing in the file is executed.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is no .npz, or a broken one.
    """
    with path.open("rb") as raw:
        try:
            with np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except Exception as error:
            # The zip archive, its compression and numpy's header raise errors of their own, without a common base.
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"no .npz of numpy, or a broken one: {reason[:200]}") from None
    for name, array in arrays.items():
        # For a member that is no array numpy returns its bytes.
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{name[:80]!r} in it is no array")  # noqa: TRY004
        code_points = np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
        if array.dtype.kind == "U" and (np.frombuffer(array.tobytes(), code_points) > sys.maxunicode).any():
            raise ValueError(f"{name[:80]!r} in it is no text")
    return arrays
