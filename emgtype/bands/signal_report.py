"""Reports the faults of one wearer's signal: in the log when they begin and are over, and in the status meanwhile."""

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
    """Return a watch of uncorrected samples, with the reference of the profile if it has one.

    Raises:
        InputError: The corrections or the reference do not fit the layout.
    """
    reference = None if profile is None else read_reference(find_profile(profile), layout)
    return SignalWatch(layout, config.conditioner, reference)


@dataclass(slots=True, eq=False)
class SignalReport:
    """Watches one wearer's signal and reports on it."""

    watch: SignalWatch
    """The watch; replaced when the wearer's profile is."""
    layout: Layout
    """The layout of the samples."""
    log: Callable[[str], None]
    """Is called with a sentence when a fault begins or is over."""

    def push(self, chunk: Chunk) -> None:
        """Take the next samples, uncorrected."""
        changes = self.watch.push(chunk)
        if not changes:
            return
        for begins in (True, False):
            faults = [change.fault for change in changes if change.begins == begins]
            for sentence in sentences(faults, self.layout, over=not begins):
                self.log(sentence)

    def status(self) -> dict[str, Any]:
        """Return the faults that there are now, for the status; it holds no text that anybody typed."""
        return {"signal": [fault_record(fault, self.layout) for fault in self.watch.faults]}


def fault_record(fault: Fault, layout: Layout) -> Mapping[str, Any]:
    """Return a fault as JSON has it, with its sentence."""
    return {
        "fault": fault.code,
        "band": None if fault.band is None else layout.sides[fault.band],
        "electrode": fault.electrode,
        "says": sentences([fault], layout)[0],
    }
