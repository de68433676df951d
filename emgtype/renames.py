"""The one table of renamed settings, commands and flags, and the sentences that refuse the old names.

`emgtype config upgrade` (emgtype/upgrade.py) writes the new names into files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from messages.errors import InputError

Name = tuple[str, ...]
"""Parts of a dotted name: ("gate", "enabled")."""

SECTIONS = {"keys": "inject"}
"""Old and new names of sections in config.toml."""
SETTINGS = {
    "source.timeout": "source.timeout_s",
    "source.stall": "source.stall_s",
    "source.backlog": "source.backlog_s",
    "pipeline.hop": "pipeline.hop_frames",
    "decoder.beam": "decoder.beam.width",
    "decoder.labels": "decoder.beam.labels",
    "decoder.threshold": "decoder.beam.threshold_nats",
    "decoder.floor": "decoder.beam.floor_nats",
    "decoder.commit": "decoder.commit.mode",
    "decoder.lag": "decoder.commit.lag_s",
    "decoder.confidence": "decoder.commit.confidence",
    "decoder.caution": "decoder.commit.caution",
    "decoder.show": "decoder.commit.show_from",
    "decoder.reject": "decoder.commit.reject_below",
    "decoder.lm_backend": "decoder.language_model.backend",
    "decoder.lm_weight": "decoder.language_model.weight",
    "decoder.lm_bonus": "decoder.language_model.bonus_nats",
    "decoder.hot_words": "decoder.language_model.hot_words",
    "decoder.hot_weight": "decoder.language_model.hot_weight_nats",
    "conditioner.high_pass": "conditioner.high_pass_hz",
    "conditioner.notch": "conditioner.notch_hz",
    "gate.idle": "gate.enabled",
    "gate.weak": "gate.burst_tolerance_db",
    "gate.posture": "gate.posture_db",
    "gate.loud": "gate.clench_margin_db",
    "gate.clench": "gate.clench_switch_s",
    "words.pause": "words.pause_s",
    "words.longest": "words.longest_s",
    "words.beam": "words.beam_width",
    "words.bonus": "words.bonus_nats",
    "publish.heartbeat": "publish.heartbeat_s",
    "record.flight": "record.flight_minutes",
    "keys.arm_delay_s": "inject.arm_delay_s",
    "keys.pause": "inject.pause_s",
    "keys.fastest": "inject.shortest_pause_s",
}
"""Old and new names of single settings. An old name that is a section's name today counts only where it has a value."""
COMMANDS = {"keys": "certificates"}
"""Old and new names of commands."""
FLAGS = {
    ("listen", "--keys"): "--certificate",
    ("control", "--keys"): "--certificate",
    ("health", "--keys"): "--certificate",
}
"""Old flags by command, and their new names."""

_SECTIONS: Mapping[Name, Name] = {(old,): (new,) for old, new in SECTIONS.items()}
_SETTINGS: Mapping[Name, Name] = {tuple(old.split(".")): tuple(new.split(".")) for old, new in SETTINGS.items()}


def new_name(name: Name, *, section: bool) -> Name:
    """Return today's name of a setting or section; the name itself where it has not changed.

    Args:
        name: The name in a file.
        section: Whether a table has this name there, not a single value.
    """
    if not section and name in _SETTINGS:
        return _SETTINGS[name]
    if name[:1] in _SECTIONS:
        return (*_SECTIONS[name[:1]], *name[1:])
    return name


def old_names(table: Mapping[str, Any], prefix: Name = ()) -> Iterator[tuple[str, str]]:
    """Yield each old name in a table of settings and its new name, as they are written: gate.idle, [keys]."""
    for key, value in table.items():
        name = (*prefix, key)
        section = isinstance(value, Mapping)
        new = new_name(name, section=section)
        if new != name and (not prefix or name in _SETTINGS):
            old, now = ".".join(name), ".".join(new)
            yield (f"[{old}]", f"[{now}]") if section else (old, now)
        if section:
            yield from old_names(value, name)


def refuse_old_names(table: Mapping[str, Any], path: Path | None) -> None:
    """Refuse settings under an old name.

    Args:
        table: The settings of one file, or of the flags.
        path: The file; None: the flags.

    Raises:
        InputError: There is an old name; the sentence says the new one.
    """
    names = list(old_names(table))
    if not names:
        return
    old, new = names[0]
    if path is None:
        raise InputError(f"the setting {old} is now called {new}: use the new name")
    count = len(names) - 1
    others = f", and {count} other name{'s' if count > 1 else ''} in it changed, too" if count else ""
    raise InputError(
        f"{old} in {path} is now called {new}{others}: rename {'them' if others else 'it'}, or run `emgtype config "
        f"upgrade {path}`"
    )
