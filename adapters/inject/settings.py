"""Settings of the key sink: what may be typed, into which windows, how fast, and through which backend."""

from dataclasses import dataclass
from typing import Literal

from messages.errors import InputError

BackendName = Literal["auto", "x11", "uinput", "pynput"]


@dataclass(frozen=True, slots=True)
class KeySettings:
    """[keys] of config.toml, which explains each."""

    backend: BackendName
    text: Literal["final", "live"]
    backspace: Literal["own", "any", "off"]
    enter: bool
    hotkey: str
    arm_delay: float
    """Seconds between a request to arm and being armed."""
    forbidden: tuple[str, ...]
    """Patterns of WM_CLASS names."""
    pause: float
    """Seconds between two keys at first."""
    fastest: float
    """Seconds between two keys at least."""
    layout: str

    def __post_init__(self) -> None:
        if not (0 < self.fastest <= self.pause <= 1 and 0 <= self.arm_delay <= 60):
            raise InputError(
                f"[keys] has fastest {self.fastest:g}, pause {self.pause:g} and arm_delay {self.arm_delay:g}: expected "
                "0 < fastest <= pause <= 1 and an arm_delay from 0 to 60 seconds"
            )
