"""A wearer: one person whose samples come from one source and are decoded by one or several lines."""

from dataclasses import dataclass
from typing import Any, Protocol

from emgtype.live.line import Line
from messages.errors import InputError
from messages.notice import Notice
from messages.signal import Chunk


class Source(Protocol):
    """Live samples of one wearer."""

    def pull(self, timeout: float) -> Chunk | None:
        """Return the next samples; None where none arrive within `timeout` s.

        Raises:
            InputError: No samples can arrive any more.
        """

    def silent(self) -> list[str]:
        """Return the names of the streams that nothing comes from."""
        ...

    def notices(self) -> list[Notice]:
        """Return the problems at the moment."""
        ...

    def figures(self) -> dict[str, Any]:
        """Return counts and delays for the status."""
        ...


class Listener(Protocol):
    """Gets notified of what happens to a wearer; the loop calls it and must not wait for it."""

    def before_decoding(self, chunk: Chunk) -> None:
        """Take samples that have just arrived, also while the wearer is paused."""

    def after_decoding(self, chunk: Chunk) -> None:
        """Take the same samples once their text has been passed on."""

    def before_pause(self) -> None:
        """Prepare for a pause: the text that it makes final should act on nothing any more."""

    def finished(self) -> None:
        """Note that the text so far is final."""

    def heartbeat(self, wearer: "Wearer") -> None:
        """Report how the wearer fares; called at regular intervals."""


class PauseSwitch(Protocol):
    """Lets a wearer pause and resume by a gesture."""

    def push(self, chunk: Chunk) -> int:
        """Return how many such gestures these samples complete."""
        ...


@dataclass(slots=True, eq=False)
class Wearer:
    """One person, and how they fare."""

    name: str
    """Name in topics and log messages."""
    source: Source
    lines: list[Line]
    """Each decodes every chunk; the first one is reported in the status."""
    listener: Listener
    pause_switch: PauseSwitch | None = None
    """None: only requests pause the wearer."""
    samples: int = 0
    """Number of samples received so far."""
    newest: float = 0.0
    """Seconds: time stamp of the newest sample."""
    last_arrival: float = 0.0
    """Seconds on the loop's clock: when the newest sample arrived."""
    stalling: bool = False
    """Whether nothing has arrived for 200 ms."""
    stalls: int = 0
    """Number of times that this was so."""
    stalled: bool = False
    """Whether nothing has arrived for so long that the text was made final."""
    paused: bool = False
    """Whether samples are dropped instead of decoded."""
    gone: InputError | None = None
    """Why samples are decoded no more; None: they are."""

    @property
    def line(self) -> Line:
        """First line, which the status reports."""
        return self.lines[0]

    @property
    def state(self) -> str:
        """State in one word, as the status has it."""
        states = {"gone": self.gone, "paused": self.paused, "stalled": self.stalled, "stalling": self.stalling}
        return next((state for state, holds in states.items() if holds), "decoding")

    def finish(self, why: str) -> None:
        """Make the text of all lines final; `why` is for the flight recorders."""
        for line in self.lines:
            line.finish(why)
        self.listener.finished()

    def reset(self) -> None:
        """Forget the samples so far."""
        for line in self.lines:
            line.reset()
