"""Profiles are written beside what else stands in them, and references come back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emgtype.bands.profile_file import profile_path, read_reference, reference_path, write_corrections, write_reference
from emgtype.config import load_config
from messages.errors import InputError
from simulator.session import LAYOUT
from streamer.conditioning.corrections import Corrections
from streamer.quality.watch import Reference

SOME = Corrections((3, -5), (True, False), (1.0, 2.5), high_pass_hz=20.0, notch_hz=50.0)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the user's own settings, and make a folder for profiles."""
    monkeypatch.chdir(tmp_path)
    for module in ("emgtype.config", "emgtype.places", "emgtype.bands.profile_file"):
        monkeypatch.setattr(f"{module}.USER_CONFIG", tmp_path / "user")
    (tmp_path / "profiles").mkdir()


def reference() -> Reference:
    rng = np.random.default_rng(1)
    return Reference(rng.normal(10, 3, (2, 16)), rng.uniform(-1, 1, (2, 2, 16, 16)))


def test_corrections_come_back_as_settings() -> None:
    path = profile_path("me")
    write_corrections(path, SOME)
    assert path == Path("profiles/me.toml")
    assert load_config(profile="me").conditioner == SOME


def test_the_rest_of_a_profile_stays_as_it_is() -> None:
    path = Path("profiles/me.toml")
    path.write_text('bundle = "generic"  # mine\n\n[conditioner]  # old\nroll = [1, 1]\n[decoder]\nbeam.width = 7\n')
    write_corrections(path, SOME)
    config = load_config(profile="me")
    assert (config.bundle, config.decoder.beam.width, config.conditioner) == ("generic", 7, SOME)
    assert "# mine" in path.read_text()
    write_corrections(path, Corrections())
    assert "conditioner" not in path.read_text()
    assert load_config(profile="me").decoder.beam.width == 7


@pytest.mark.parametrize("text", ["conditioner.roll = [1, 1]\n", "conditioner = {roll = [1, 1]}\n", "broken = \n"])
def test_a_profile_that_cannot_be_written_into_stays_as_it_is(text: str) -> None:
    path = Path("profiles/me.toml")
    path.write_text(text)
    with pytest.raises(InputError, match=r"profiles/me\.toml"):
        write_corrections(path, SOME)
    assert path.read_text() == text


def test_a_name_that_cannot_be_a_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"no profile '\.\./me'"):
        profile_path("../me")


def test_a_reference_comes_back() -> None:
    path = Path("profiles/me.toml")
    assert read_reference(path, LAYOUT) is None
    write_reference(path, reference(), LAYOUT)
    again = read_reference(path, LAYOUT)
    assert again is not None
    assert np.allclose(again.levels, reference().levels, atol=0.01)
    assert np.allclose(again.pattern, reference().pattern, atol=1e-4)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text[:-20], "is broken"),
        (lambda text: "[]", "is broken"),
        (lambda text: text.replace('"left"', '"west"'), "is not of 2 × 16 electrodes"),
        (lambda text: text.replace('"levels_db": [[', '"levels_db": [[1.0, '), "is broken"),
    ],
)
def test_a_broken_reference_is_refused(spoil: Callable[[str], str], sentence: str) -> None:
    path = Path("profiles/me.toml")
    write_reference(path, reference(), LAYOUT)
    text = reference_path(path).read_text()
    reference_path(path).write_text(spoil(text))
    with pytest.raises(InputError, match=sentence):
        read_reference(path, LAYOUT)
