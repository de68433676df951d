"""Settings of the key injector: what may be typed, into which windows, how fast, and through which backend."""

from dataclasses import dataclass
from typing import Literal

from messages.errors import InputError

SECTION = "[keys]"
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
    arm_delay: float
    """Seconds between a request to arm and being armed."""
    forbidden: tuple[str, ...]
    """Patterns of WM_CLASS names that nothing is typed into."""
    pause: float
    """Seconds between two keys at first."""
    fastest: float
    """Shortest pause between two keys, in seconds."""
    layout: str
    """Keyboard layout of the session, for uinput alone."""

    def __post_init__(self) -> None:
        if not (0 < self.fastest <= self.pause <= 1 and 0 <= self.arm_delay <= 60):
            raise InputError(
                f"{SECTION} has fastest {self.fastest:g}, pause {self.pause:g} and arm_delay {self.arm_delay:g}: "
                "expected 0 < fastest <= pause <= 1 and an arm_delay from 0 to 60 seconds"
            )
