"""Settings of the key sink: what may be typed, into which windows, how fast, and through which backend."""

from dataclasses import dataclass
from typing import Annotated, Literal

from messages.errors import InputError
from messages.tables import Range

BackendName = Literal["auto", "x11", "uinput", "pynput"]


@dataclass(frozen=True, slots=True)
class KeySettings:
    """[inject] of config.toml, which explains each."""

    backend: BackendName
    text: Literal["final", "live"]
    backspace: Literal["own", "any", "off"]
    enter: bool
    hotkey: str
    arm_delay_s: Annotated[float, Range(0, 60)]
    """Seconds between a request to arm and being armed."""
    forbidden: tuple[str, ...]
    """Patterns of WM_CLASS names."""
    pause_s: Annotated[float, Range(0, 1, above=True)]
    """Seconds between two keys at first."""
    shortest_pause_s: Annotated[float, Range(0, 1, above=True)]
    """Seconds between two keys at least."""
    layout: str

    def __post_init__(self) -> None:
        if self.shortest_pause_s > self.pause_s:
            raise InputError(
                f"[inject] has shortest_pause_s {self.shortest_pause_s:g} above pause_s {self.pause_s:g}: expected at "
                "most that"
            )
