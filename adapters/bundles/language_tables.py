"""The flat tables of a bundle's language model, as an .npz file, which loads in milliseconds."""

from io import BytesIO
from pathlib import Path

import numpy as np

from adapters.files.arrays import read_arrays
from decoder.language.flat import FlatTables
from messages.errors import InputError


def write_tables(path: Path, tables: FlatTables) -> None:
    """Write the tables into one file."""
    file = BytesIO()
    np.savez(file, allow_pickle=False, **tables.to_arrays())
    path.write_bytes(file.getvalue())


def read_tables(path: Path) -> FlatTables:
    """Read tables that `write_tables` wrote.

    Raises:
        InputError: The file holds no tables of ours, or their numbers do not fit together.
    """
    try:
        return FlatTables.from_arrays(read_arrays(path))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} cannot be read as language model tables ({reason}): build them anew with `emgtype lm build`"
        ) from None
