"""A line: one bundle that decodes one wearer; and the group of lines that share an encoder."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from emgtype.config import Config
from emgtype.latency import StageTimer
from emgtype.models.bundle import Bundle
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from streamer.group import PipelineGroup
from streamer.handover import hand_over
from streamer.pipeline import Pipeline

EmissionTap = Callable[[Emission], None]
"""Sees every emission of a line once, before it is decoded."""


class Sink(Protocol):
    """Something that shows or passes on text events."""

    def push(self, event: TextEvent) -> None:
        """Take one event."""


class Recorder(Protocol):
    """Records all that enters a line's pipeline, in its order: samples, and what the clock and the user decide."""

    def record(self, chunk: Chunk) -> None:
        """Record samples."""

    def finish(self, why: str) -> None:
        """Record that the text so far becomes final."""

    def reset(self) -> None:
        """Record that the pipeline forgets the past."""

    def exchange(self, config: Config, bundle: Bundle, pipeline: Pipeline) -> None:
        """Record that another pipeline goes on from here."""


@dataclass(frozen=True, slots=True, eq=False)
class LineGroup:
    """Lines of one bundle, hop and decoder, whose samples are encoded together."""

    bundle: Bundle
    pipelines: PipelineGroup
    """The line with number n has pipeline n."""
    timer: StageTimer
    """Times the common calls of the encoder; where one line is alone, its other stages, too."""

    def push(self, chunks: "Mapping[Line, Chunk]") -> "dict[Line, Sequence[TextEvent] | InputError]":
        """Decode samples of some of the lines.

        Args:
            chunks: New samples of each line.

        Returns:
            The events of each line, or why its samples were refused.
        """
        for line, chunk in chunks.items():
            line.record(chunk)
        lines = {line.number: line for line in chunks}
        results = self.pipelines.push({number: chunks[line] for number, line in lines.items()})
        return {lines[number]: result for number, result in results.items()}


@dataclass(slots=True, eq=False)
class Line:
    """One bundle decoding one wearer."""

    config: Config
    """Settings of the wearer."""
    group: LineGroup
    """Lines that share the encoder with this one; holds the pipeline."""
    number: int
    """Number of the pipeline in the group."""
    timer: StageTimer
    """Times the stages that are this line's alone."""
    note: str = ""
    """Assumption that was made when the line was loaded, to be logged; empty: none."""
    profile: str | None = None
    """Profile that was chosen last."""
    sinks: list[Sink] = field(default_factory=list)
    """Each gets every event."""
    recorder: Recorder | None = None
    """Flight recorder."""
    event_count: int = 0
    """Number of events so far: the next one's sequence number."""
    earlier_counts: Counter[str] = field(default_factory=Counter)
    """Counters of the pipelines that this one's took over from."""

    @property
    def name(self) -> str:
        """Name of the wearer."""
        return self.config.person

    @property
    def bundle(self) -> Bundle:
        """Model that decodes."""
        return self.group.bundle

    @property
    def pipeline(self) -> Pipeline:
        """Stages from samples to events."""
        return self.group.pipelines.pipelines[self.number]

    @property
    def streams(self) -> tuple[str, ...]:
        """Name of the LSL stream with all bands, or names of one stream per band."""
        return self.config.source.names

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of the model to the next."""
        facts = self.bundle.facts
        return facts.front_end.hop / facts.layout.rate

    def tap_emissions(self, tap: EmissionTap | None) -> None:
        """Show every emission from here on to `tap`; None: to nobody."""
        self.pipeline.tap = tap

    def record(self, chunk: Chunk) -> None:
        """Show samples to the flight recorder, before they are decoded."""
        if self.recorder:
            self.recorder.record(chunk)

    def pass_on(self, events: Sequence[TextEvent]) -> None:
        """Push events into all sinks, with the numbers of this line."""
        for event in events:
            numbered = replace(event, seq=self.event_count)
            self.event_count += 1
            for sink in self.sinks:
                sink.push(numbered)

    def finish(self, why: str) -> None:
        """Make the text so far final, and pass its last events on; `why` is for the flight recorder."""
        if self.recorder:
            self.recorder.finish(why)
        self.pass_on(self.pipeline.finish())

    def reset(self) -> None:
        """Forget the samples so far."""
        if self.recorder:
            self.recorder.reset()
        self.pipeline.reset()

    def take_over(self, predecessor: "Line") -> None:
        """Go on where another line of the same wearer stops, with its sinks, recorder and numbers.

        The predecessor's text is made final and passed on. To be called by the daemon alone, which owns the lines.
        """
        self.profile = self.profile or predecessor.profile
        self.sinks, self.recorder = predecessor.sinks, predecessor.recorder
        self.event_count = predecessor.event_count
        if self.recorder:
            self.recorder.exchange(self.config, self.bundle, self.pipeline)
        self.tap_emissions(predecessor.pipeline.tap)
        self.pass_on(hand_over(predecessor.pipeline, self.pipeline))
        self.earlier_counts = predecessor.earlier_counts + Counter(predecessor.pipeline.counts())

    def figures(self) -> dict[str, Any]:
        """Return the counters of the pipelines so far, and the share of the time in which the idle gate was closed."""
        counts = {name: self.earlier_counts[name] + count for name, count in self.pipeline.counts().items()}
        gate = self.pipeline.gate
        return counts if gate is None else {**counts, "idle": gate.closed_frames / max(1, gate.frames)}
