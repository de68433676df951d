from pathlib import Path

import pytest

from emgtype.config import Config, load_config
from messages.errors import InputError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.toml in the working directory, none of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emgtype.config.USER_CONFIG", tmp_path / "none")


def load(tmp_path: Path, text: str, **flags: object) -> Config:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_config(path, {k.replace("__", "."): v for k, v in flags.items()})


def test_the_shipped_file_alone_is_complete() -> None:
    config = load_config()
    assert config.bundle == "demo"
    assert config.decoder.lm_weight is None


def test_a_file_lies_over_the_defaults_and_flags_over_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, "[decoder]\nbeam = 7\nlag = 1", decoder__beam=9, pipeline__hop=None)
    assert config.decoder.beam == 9
    assert config.decoder.lag == 1.0
    assert config.decoder.labels == load_config().decoder.labels
    assert config.pipeline.hop == load_config().pipeline.hop


def test_the_working_directory_comes_first(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('person = "here"')
    assert load_config().person == "here"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[decoder]\nbaem = 3", "unknown setting 'baem' .* did you mean 'beam'"),
        ("[decodr]\nbeam = 3", "unknown setting 'decodr' .* did you mean 'decoder'"),
        ("[decoder]\nbeam = 'wide'", "expected int"),
        ("[decoder]\nbeam = 0", "decoder.beam = 0 .* expected 1 to 1000"),
        ("[pipeline]\nhop = 1000", "pipeline.hop"),
        ("[gate]\nweak = 31.0", "gate.weak = 31.0 .* expected 0 to 30"),
        ("[decoder]\nreject = 1.5", "decoder.reject = 1.5 .* expected 0 to 1"),
        ("[source]\nbands = ['left']", "names 1 streams: expected two"),
        ("beam = ", "not valid TOML"),
        ("[decoder]\nhot_words = ['café']", "the hot word 'café' has é, no key"),
        ("[decoder]\nhot_weight = 0", "decoder.hot_weight = 0"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load(tmp_path, text)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no settings file"):
        load_config(tmp_path / "none.toml")
