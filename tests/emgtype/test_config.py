"""Settings from files, profiles and flags, and what is refused."""

import re
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from emgtype.config import Config, as_table, load_config, with_profile
from emgtype.places import PACKAGE
from messages.errors import InputError
from messages.tables import build


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
    assert config.decoder.language_model.weight is None


def settings_of(kind: type, prefix: str = "") -> dict[str, Any]:
    """Every setting of a dataclass by its dotted name, with its default there."""
    found: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for field in fields(kind):
        name, hint = f"{prefix}{field.name}", hints[field.name]
        found |= settings_of(hint, f"{name}.") if is_dataclass(hint) else {name: field.default}  # type: ignore[arg-type]
    return found


def test_the_shipped_file_explains_every_setting_above_its_line() -> None:
    lines = PACKAGE.find("config.toml").read_text(encoding="utf-8").splitlines()
    section, explained = "", set[str]()
    for above, line in pairwise(lines):
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif match := re.match(r"(?:# )?([a-z_]+) = ", line):
            assert above.startswith("# "), line
            assert above.rstrip().endswith((".", ":", "]")), above
            explained.add(section + match[1])
    assert explained == set(settings_of(Config))


def test_a_file_lies_over_the_defaults_and_flags_over_the_file(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "[decoder.beam]\nwidth = 7\n[decoder.commit]\nlag_s = 1",
        decoder__beam__width=9,
        pipeline__hop_frames=None,
    )
    shipped = load_config()
    assert config.decoder.beam.width == 9
    assert config.decoder.commit.lag_s == 1.0
    assert config.decoder.beam.labels == shipped.decoder.beam.labels
    assert config.pipeline == shipped.pipeline


def test_the_working_directory_comes_first(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('person = "here"')
    assert load_config().person == "here"


def test_settings_are_those_of_their_table(tmp_path: Path) -> None:
    config = load(tmp_path, "[decoder]\nbeam.width = 7\nlanguage_model.weight = 0.5\n[gate]\nenabled = false")
    assert build(Config, as_table(config), "a table") == config
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/quiet.toml").write_text("[decoder.commit]\nshow_from = 0.9\n")
    quiet = with_profile(config, "quiet")
    assert (quiet.decoder.commit.show_from, quiet.decoder.beam) == (0.9, config.decoder.beam)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[decoder.beam]\nwdith = 3", "unknown setting 'wdith' .* did you mean 'width'"),
        ("[decodr]\nbeam = 3", "unknown setting 'decodr' .* did you mean 'decoder'"),
        ("[decoder.beam]\nwidth = 'wide'", "expected int"),
        ("[decoder.commit]\nmode = 'guess'", "expected one of revise, hold"),
        ("[source]\nbands = ['left']", "source.bands names 1 streams: expected two"),
        ("beam = ", "not valid TOML"),
        (
            "[decoder.language_model]\nhot_words = ['café']",
            "the hot word 'café' has é, which is not a character of a US keyboard",
        ),
        ("[inject]\npause_s = 0.01\nshortest_pause_s = 0.02", "shortest_pause_s 0.02 above pause_s 0.01"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load(tmp_path, text)


RANGES = {
    "source.timeout_s": (0.1, 600),
    "source.stall_s": (0.1, 600),
    "source.backlog_s": (0.1, 10),
    "pipeline.hop_frames": (1, 125),
    "decoder.beam.width": (1, 1000),
    "decoder.beam.labels": (2, 99),
    "decoder.beam.threshold_nats": (0, 1e6),
    "decoder.beam.floor_nats": (-1e6, 0),
    "decoder.commit.lag_s": (0, 60),
    "decoder.commit.confidence": (0.5, 1),
    "decoder.commit.caution": (1, 1e6),
    "decoder.commit.show_from": (0, 1),
    "decoder.commit.reject_below": (0, 1),
    "decoder.commit.min_age_s": (0, 60),
    "decoder.language_model.hot_weight_nats": (0.01, 100),
    "decoder.language_model.weight": (0, 100),
    "words.pause_s": (0.1, 60),
    "words.longest_s": (1, 600),
    "words.candidates": (1, 100),
    "words.beam_width": (1, 1000),
    "words.weight": (0, 100),
    "words.bonus_nats": (-100, 100),
    "gate.burst_tolerance_db": (0, 30),
    "gate.posture_db": (0, 30),
    "gate.clench_margin_db": (-30, 60),
    "gate.clench_switch_s": (0, 60),
    "record.flight_minutes": (0, 60),
    "publish.heartbeat_s": (0.05, 600),
    "inject.arm_delay_s": (0, 60),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_number_may_lie_at_the_ends_of_its_range_and_not_beyond(tmp_path: Path, name: str) -> None:
    section, _, key = name.rpartition(".")
    low, high = RANGES[name]
    beyond = 1 if isinstance(low, int) and isinstance(high, int) else 0.001
    for inside in (low, high):
        load(tmp_path, f"[{section}]\n{key} = {inside!r}")
    for outside in (low - beyond, high + beyond):
        sentence = rf"{key} = .*mine.toml .* is out of range: expected {re.escape(f'{low:g} to {high:g}')}"
        with pytest.raises(InputError, match=sentence):
            load(tmp_path, f"[{section}]\n{key} = {outside!r}")


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no settings file"):
        load_config(tmp_path / "none.toml")
