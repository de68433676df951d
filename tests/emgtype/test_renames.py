"""Old names of settings, refused with the new ones."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from emgtype.config import as_table, load_config
from emgtype.renames import SECTIONS, SETTINGS, new_name, refuse_old_names
from messages.errors import InputError


@pytest.mark.parametrize("old", SETTINGS)
def test_every_old_setting_is_refused_with_its_new_name(old: str, tmp_path: Path) -> None:
    path, new = tmp_path / "config.toml", SETTINGS[old]
    sentence = f"{old} in {path} is now called {new}: rename it, or run `emgtype config upgrade {path}`"
    section, _, key = old.partition(".")
    if section in SECTIONS:
        sentence = (
            f"[keys] in {path} is now called [inject], and 1 other name in it changed, too: rename them, or run "
            f"`emgtype config upgrade {path}`"
        )
    path.write_text(f"[{section}]\n{key} = 0\n")
    with pytest.raises(InputError) as refusal:
        load_config(path)
    assert str(refusal.value) == sentence


def test_a_profile_and_flags_are_refused_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/me.toml").write_text("[gate]\nidle = false\nweak = 3\nloud = 1\n")
    with pytest.raises(InputError, match=r"gate.idle in profiles/me.toml is now called gate.enabled, and 2 other"):
        load_config(profile="me")
    with pytest.raises(InputError, match=r"the setting gate.idle is now called gate.enabled: use the new name"):
        load_config(flags={"gate.idle": False})


def test_a_name_that_is_a_section_today_is_old_only_where_it_has_a_value() -> None:
    refuse_old_names(tomllib.loads("[decoder]\nbeam.width = 3\n[decoder.commit]\nlag_s = 1.0\n"), None)
    assert new_name(("decoder", "beam"), section=True) == ("decoder", "beam")
    assert new_name(("decoder", "beam"), section=False) == ("decoder", "beam", "width")


def test_every_new_name_is_one_of_a_setting() -> None:
    settings = as_table(load_config())
    language_model = settings["decoder"]["language_model"]
    language_model |= {"weight": 0.5, "bonus_nats": 1.0}  # left out, the bundle's count
    for new in SETTINGS.values():
        table: Any = settings
        for part in new.split("."):
            table = table[part]
        assert not isinstance(table, dict), new
    assert set(SECTIONS.values()) <= set(settings)
