"""What the watch of somebody's signal says, to those who run the daemon: told once, and in the status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emgtype.bands.profile_file import read_reference
from emgtype.config import Config
from emgtype.places import find_profile
from messages.signal import Chunk, Layout
from streamer.quality.rules import Fault, sentences
from streamer.quality.watch import SignalWatch


def watch_for(config: Config, profile: str | None, layout: Layout) -> SignalWatch:
    """A watch of samples that come uncorrected, against the reference of the profile where it has one.

    Raises:
        InputError: Corrections or a reference that do not fit.
    """
    reference = None if profile is None else read_reference(find_profile(profile), layout)
    return SignalWatch(layout, config.conditioner, reference)


@dataclass(slots=True, eq=False)
class SignalReport:
    """Watches one person's signal."""

    watch: SignalWatch
    """Another where their profile was exchanged."""
    layout: Layout
    tell: Callable[[str], None]
    """Gets a sentence when something begins or is over."""

    def push(self, chunk: Chunk) -> None:
        """The next samples, as they came."""
        changes = self.watch.push(chunk)
        if changes:
            for begun in (True, False):
                faults = [change.fault for change in changes if change.begun == begun]
                for sentence in sentences(faults, self.layout, over=not begun):
                    self.tell(sentence)

    def status(self) -> dict[str, Any]:
        """Faults that are there now; no text that anybody typed."""
        return {"signal": [described(fault, self.layout) for fault in self.watch.faults]}


def described(fault: Fault, layout: Layout) -> Mapping[str, Any]:
    """A fault for programs, with its sentence."""
    return {
        "fault": fault.code,
        "band": None if fault.band is None else layout.sides[fault.band],
        "electrode": fault.electrode,
        "says": sentences([fault], layout)[0],
    }
