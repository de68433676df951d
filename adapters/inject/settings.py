"""Settings of the key injector: what may be typed, into which windows, how fast, and through which backend."""

from dataclasses import dataclass
from typing import Annotated, Literal

from messages.errors import InputError
from messages.tables import Range

SECTION = "[inject]"
"""Name of the section of config.toml, for messages."""

BackendName = Literal["auto", "x11", "uinput", "pynput"]


@dataclass(frozen=True, slots=True)
class InjectSettings:
    """The section of config.toml for virtual key presses; config.toml explains each setting."""

    backend: BackendName
    """Way to press keys; auto: the one that fits the desktop session."""
    text: Literal["final", "live"]
    """Text to type: final text alone, or also text that may still change."""
    backspace: Literal["own", "any", "off"]
    """Text that a typed ⌫ may remove: the injected text, any text, or none."""
    enter: bool
    """True if ⏎ is pressed."""
    hotkey: str
    """Combination of keys that arms and disarms, as pynput writes it; empty: none."""
    arm_delay_s: Annotated[float, Range(0, 60)]
    """Seconds between a request to arm and being armed."""
    forbidden: tuple[str, ...]
    """Patterns of WM_CLASS names that nothing is typed into."""
    pause_s: Annotated[float, Range(0, 1, above=True)]
    """Seconds between two keys at first."""
    shortest_pause_s: Annotated[float, Range(0, 1, above=True)]
    """Seconds between two keys at least."""
    layout: str
    """Keyboard layout of the session, for uinput alone."""

    def __post_init__(self) -> None:
        if self.shortest_pause_s > self.pause_s:
            raise InputError(
                f"{SECTION} has shortest_pause_s {self.shortest_pause_s:g} above pause_s {self.pause_s:g}: "
                "expected at most as much"
            )
