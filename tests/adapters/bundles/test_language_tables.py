from pathlib import Path

import numpy as np
import pytest

from adapters.bundles.language_tables import read_tables, write_tables
from decoder.language.flat import tables_from_arpa
from messages.errors import InputError

ARPA = """\\data\\
ngram 1=4

\\1-grams:
-1.0\t<unk>
-99\t<s>\t-0.1
-0.5\t</s>
-0.4\ta

\\end\\
"""


def test_tables_survive_their_file(tmp_path: Path) -> None:
    tables = tables_from_arpa(ARPA.splitlines())
    path = tmp_path / "lm.flat.npz"
    write_tables(path, tables)
    again = read_tables(path)
    for name, array in tables.to_arrays().items():
        assert np.array_equal(array, again.to_arrays()[name])


def test_tables_without_an_array_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lm.flat.npz"
    arrays = tables_from_arpa(ARPA.splitlines()).to_arrays()
    del arrays["next"]
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(InputError, match="it lacks next"):
        read_tables(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lm.flat.npz"
    with pytest.raises(InputError, match="cannot be read as language model tables"):
        read_tables(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as language model tables"):
        read_tables(path)
