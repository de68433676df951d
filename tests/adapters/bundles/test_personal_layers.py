"""A person's layer as a file of a bundle."""

from pathlib import Path

import numpy as np
import pytest

from adapters.bundles.personal_layers import known_persons, read_person, write_person
from messages.errors import InputError
from streamer.encoder.personal_layer import PersonalLayer


def layer(person: str) -> PersonalLayer:
    rng = np.random.default_rng(1)
    mixing, scale, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 4, 4), (2, 4, 5), (2, 4, 5)))
    return PersonalLayer(person, mixing, scale, bias)


def test_a_layer_comes_back_with_its_facts(tmp_path: Path) -> None:
    written = layer("anna.b-2")
    write_person(tmp_path, written, {"sessions": ["müller"], "cer": [40.5, 12.25]})
    write_person(tmp_path, layer("Zoë"), {})
    assert known_persons(tmp_path) == ["Zoë", "anna.b-2"]
    read, facts = read_person(tmp_path, "anna.b-2")
    assert facts == {"sessions": ["müller"], "cer": [40.5, 12.25]}
    for name in ("mixing", "scale", "bias"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


def test_an_unknown_person_is_refused_by_naming_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layer for the person 'carl': it knows nobody"):
        read_person(tmp_path, "carl")
    for name in ("bea", "anna"):
        write_person(tmp_path, layer(name), {})
    with pytest.raises(InputError, match="no layer for the person 'carl': it knows anna, bea; make one"):
        read_person(tmp_path, "carl")


@pytest.mark.parametrize("name", ["", "../anna", "a/b", ".hidden", "x" * 80])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a file"):
        write_person(tmp_path, layer(name), {})
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_layers_are_refused(tmp_path: Path) -> None:
    broken = layer("nan")
    broken.bias[0] = np.nan
    path = write_person(tmp_path, broken, {})
    with pytest.raises(InputError, match="not finite"):
        read_person(tmp_path, "nan")
    whole = path.read_bytes()
    for content in (b"hello", whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is no personal layer"):
            read_person(tmp_path, "nan")
    np.savez(path, scale=np.ones(3))
    with pytest.raises(InputError, match="is no personal layer"):
        read_person(tmp_path, "nan")
    # Reading an array of objects would need a pickle.
    np.savez(path, mixing=np.array([print], dtype=object))
    with pytest.raises(InputError, match="is no personal layer"):
        read_person(tmp_path, "nan")
