"""Everybody who is served: who they are, where their samples come from, and how they fare."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapters.inject.sink import KeySink
from adapters.lsl.source import LSLSource
from emgtype.bands.signal_report import SignalReport
from emgtype.live.daemon import Wearer
from emgtype.live.happenings import Happenings
from emgtype.live.people import Party, Person
from emgtype.live.recent import Recent
from emgtype.recording.flight import FlightRecorder
from streamer.handover import hand_over
from streamer.pipeline import Pipeline

if TYPE_CHECKING:
    from emgtype.recording.recorder import BackgroundRecording  # HDF5's library: not every daemon records
    from emgtype.words.word_process import SentenceProcess


@dataclass(slots=True, eq=False)
class Member:
    """One person of a running daemon."""

    person: Person
    """Their settings and models; another where they were exchanged."""
    source: LSLSource
    wearer: Wearer
    recent: Recent
    mark: Callable[[str, float], None]
    """Publishes a name for a moment (s) of their samples."""
    signal: SignalReport
    """What is wrong with their signal."""
    keys: KeySink | None = None
    """What types their text into windows."""
    profile: str | None = None
    """Which was chosen last."""
    recording: "BackgroundRecording | None" = None
    """What writes their samples into a file."""
    flight: FlightRecorder | None = None
    """What keeps their last minutes."""
    sentences: "SentenceProcess | None" = None
    """What reads their text once more at word level."""
    earlier: Counter[str] = field(default_factory=Counter)
    """What the pipelines counted that were exchanged."""
    overflows: Callable[[], int] = lambda: 0
    """How often a message of theirs found a subscriber's queue full."""
    happenings: Happenings = field(default_factory=Happenings)
    """What was told of their samples."""

    @property
    def name(self) -> str:
        """As their topics have it."""
        return self.person.config.person

    def exchange(self, person: Person) -> None:
        """They are decoded by another pipeline from here on, which goes on where theirs is."""
        old = self.person.pipeline
        if self.flight:
            self.flight.exchange(person.config, person.bundle, person.pipeline)
        person.pipeline.tap = old.tap
        self.wearer.pass_on(hand_over(old, person.pipeline))
        self.earlier.update(_counts(old))
        self.person, self.wearer.pipeline = person, person.pipeline
        if self.keys:
            self.keys.change(person.config.inject)

    def figures(self) -> dict[str, Any]:
        """Of their signal: what costs nothing to tell, milliseconds."""
        return {
            **{name: self.earlier[name] + count for name, count in _counts(self.person.pipeline).items()},
            **({} if (gate := self.person.pipeline.gate) is None else {"idle": gate.closed / max(1, gate.frames)}),
            "stalls": self.wearer.stalls,
            "overflows": self.overflows(),
            **self.source.figures(),
        }

    def status(self) -> Mapping[str, Any]:
        """All there is to tell; no text."""
        wearer = self.wearer
        states = {"gone": wearer.gone, "paused": wearer.paused, "stalled": wearer.stalled, "stalling": wearer.stalling}
        return {
            "state": next((state for state, holds in states.items() if holds), "decoding"),
            "samples": wearer.samples,
            "bundle": self.person.config.bundle,
            "profile": self.profile,
            **self.signal.status(),
            **({} if self.keys is None else {"keys": self.keys.status()}),
            **({} if self.recording is None else {"recording": self.recording.status()}),
            **({} if self.sentences is None else {"sentences_dropped": self.sentences.dropped}),
            **self.figures(),
            "stages_ms": self.person.timer.report(),
            "problems": self.source.problems(),
        }

    def news(self) -> list[str]:
        """What befell their samples since it was last asked, a sentence each."""
        return self.happenings.push(self.figures(), self.source.problems())


def _counts(pipeline: Pipeline) -> dict[str, int]:
    return {"gaps": pipeline.gaps, "masked": pipeline.masked, "rejected": pipeline.rejected}


@dataclass(slots=True)
class Roster:
    """All of them."""

    members: dict[str, Member] = field(default_factory=dict)
    """By name."""
    parties: list[Party] = field(default_factory=list)
    """Those who are decoded together."""

    def replace(self, party: Party) -> None:
        """Somebody's people are now of another party."""
        self.parties = [old for old in self.parties if self._still(old)] + [party]

    def _still(self, party: Party) -> list[str]:
        """Names of those who have not left it."""
        return [name for name, member in self.members.items() if member.person in party.people]

    def encoders(self) -> list[dict[str, Any]]:
        """Figures of the encoder calls that people share."""
        return [
            {
                "bundle": str(party.people[0].bundle.folder),
                "people": self._still(party),
                "stages_ms": party.timer.report(),
            }
            for party in self.parties
        ]

    def report(self) -> dict[str, Any]:
        """At the end: one person's figures as they are; of several by name, and of the encoders that they share."""
        each = {
            name: {
                "samples": member.wearer.samples,
                "lost": member.source.lost,
                "stages_ms": member.person.timer.report(),
            }
            for name, member in self.members.items()
        }
        return next(iter(each.values())) if len(each) == 1 else {"people": each, "encoders": self.encoders()}

    def counts(self, seconds: float) -> list[str]:
        """At the end, for people: a sentence each."""
        sentences = []
        for name, member in self.members.items():
            who = f"{name}: " if len(self.members) > 1 else ""
            lost = "" if member.source.lost is None else f", {member.source.lost} lost"
            sentences.append(f"{who}{member.wearer.samples} samples in {seconds:.1f} s{lost}")
        return sentences
