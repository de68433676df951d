"""The daemon's loop: the only place where time passes. What the clock decides enters the core as finish and reset."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent

STALLING = 0.2
"""Seconds without samples after which somebody's status says so; their text waits longer: late ones may still come."""
_PAUSE = 0.001  # seconds between two rounds of asking everybody, when nobody had anything


class Source(Protocol):
    """Live samples."""

    def pull(self, timeout: float) -> Chunk | None:
        """The next samples, or None when none came within `timeout` s; InputError when none can come any more."""


class Sink(Protocol):
    """Something that shows or passes on text events."""

    def push(self, event: TextEvent) -> None:
        """Take one event."""


class Settled(Protocol):
    """One person's pipeline, as far as the clock decides about it."""

    def finish(self) -> Sequence[TextEvent]:
        """Settle the text."""

    def reset(self) -> None:
        """Forget the past."""


class Witness(Protocol):
    """Sees all that enters somebody's pipeline, in its order: what the clock and the user decide, too."""

    def record(self, chunk: Chunk) -> None:
        """Samples."""

    def finish(self, why: str) -> None:
        """The text so far is settled."""

    def reset(self) -> None:
        """The past is forgotten."""


class Group(Protocol):
    """People whose samples are decoded together."""

    def push(self, chunks: Mapping[int, Chunk]) -> Mapping[int, Sequence[TextEvent] | InputError]:
        """What the samples of each bring: events, or why they were refused."""


@dataclass(slots=True, eq=False)
class Wearer:
    """One person: where their samples come from, where their text goes, and how they fare."""

    source: Source
    pipeline: Settled
    sinks: Sequence[Sink]
    """Each gets every event."""
    heartbeat: Callable[[], None]
    name: str = ""
    """Begins what is told about them; empty where there is nobody else."""
    samples: int = 0
    """Received so far."""
    newest: float = 0.0
    """Seconds: time stamp of the last of them."""
    gone: InputError | None = None
    """Why they are decoded no more."""
    heard: float = 0.0
    """When the last samples came."""
    stalling: bool = False
    """Whether nothing has come for 200 ms."""
    stalls: int = 0
    """How often that was so."""
    stalled: bool = False
    """Whether that lasted so long that the text was settled."""
    silent: Callable[[], str] = lambda: ""
    """Names what no samples come from, where that is known."""
    paused: bool = False
    """Whether what they type is dropped."""
    told: int = 0
    """Events so far: one run, also where another pipeline goes on in the middle of it."""
    witness: Witness | None = None
    settled: Callable[[], None] = lambda: None
    """Called once their text so far is final."""
    hush: Callable[[], None] = lambda: None
    """Called before they are paused: what settles then acts on nothing any more."""
    clench: Callable[[Chunk], int] = lambda _chunk: 0
    """How many clenches that pause, or resume, have become long enough with these samples."""
    watch: Callable[[Chunk], None] = lambda _chunk: None
    """Sees the samples after their text has gone out, also of one who is paused."""

    def pass_on(self, events: Sequence[TextEvent]) -> None:
        """To all sinks."""
        for event in events:
            numbered = replace(event, seq=self.told)
            self.told += 1
            for sink in self.sinks:
                sink.push(numbered)

    def settle(self, why: str) -> None:
        """Make the text so far final, and pass it on."""
        if self.witness:
            self.witness.finish(why)
        self.pass_on(self.pipeline.finish())
        self.settled()

    def forget(self) -> None:
        """Forget what their muscles did."""
        if self.witness:
            self.witness.reset()
        self.pipeline.reset()


class Daemon:
    """Joins everybody's sources, pipelines and sinks; what befalls one of them is nothing to the others.

    Args:
        groups: Pipelines that are asked together, and the wearer of each of them.
        stall: Seconds without samples after which a wearer's text is settled and their pipeline starts anew.
        heartbeat_every: Seconds between the heartbeats of each.
        tell: Gets a sentence about what happened (a stall, samples again, a stream lost while others go on).
        attend: Called in every step, at least five times a second: whoever asks is answered there.
        clock: Monotonic seconds.
        sleep: Passes seconds.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Group, Sequence[Wearer]]],
        *,
        stall: float,
        heartbeat_every: float,
        tell: Callable[[str], None],
        attend: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._groups: list[tuple[Group, list[Wearer | None]]] = [(group, list(wearers)) for group, wearers in groups]
        self._present = [wearer for _, wearers in groups for wearer in wearers]
        self._stall = stall
        self._heartbeat_every = heartbeat_every
        self._tell = tell
        self._attend = attend
        self._stopped = False
        self._clock = clock
        self._sleep = sleep
        self._beaten = clock()
        for wearer in self._present:
            wearer.heard = self._beaten

    def step(self) -> None:
        """Take what samples there are, or wait for some, at most until the next heartbeat; pass on what they bring.

        Raises:
            InputError: The last wearer's stream has ended, or its samples cannot be decoded.
        """
        self._attend()
        chunks = self._pull()
        now = self._clock()
        for wearer, chunk in chunks.items():
            wearer.samples += len(chunk.times)
            wearer.newest = float(chunk.times[-1])
            wearer.heard = now
            wearer.stalling = False
            if wearer.stalled:
                wearer.stalled = False
                self._say(wearer, "samples again")
        self._decode(chunks)
        for wearer, chunk in chunks.items():
            if wearer.clench(chunk) % 2:
                (self.resume if wearer.paused else self.pause)(wearer)
                self._say(wearer, "paused by a clench" if wearer.paused else "going on behind a clench")
            wearer.watch(chunk)
        for wearer in self._present:
            if not wearer.stalling and now - wearer.heard >= STALLING:
                wearer.stalling = True
                wearer.stalls += 1
            if not wearer.stalled and now - wearer.heard >= self._stall:
                wearer.stalled = True
                whose = f" from {named}" if (named := wearer.silent()) else ""
                self._say(wearer, f"no samples{whose} for {self._stall:g} s: the text so far is final, waiting")
                wearer.settle("stall")
        if now - self._beaten >= self._heartbeat_every:
            self._beaten = now
            for wearer in self._present:
                wearer.heartbeat()

    def _decode(self, chunks: Mapping[Wearer, Chunk]) -> None:
        """Pass on what the samples bring, but of those who are paused."""
        for group, wearers in self._groups:
            heard = {
                number: wearer
                for number, wearer in enumerate(wearers)
                if wearer and wearer in chunks and not wearer.paused
            }
            given = {number: chunks[wearer] for number, wearer in heard.items()}
            for wearer in heard.values():
                if wearer.witness:
                    wearer.witness.record(chunks[wearer])
            for number, result in (group.push(given) if given else {}).items():
                if isinstance(result, InputError):
                    self._dismiss(heard[number], result)
                else:
                    heard[number].pass_on(result)

    def run(self, seconds: float | None = None) -> None:
        """Step until interrupted or stopped, or for `seconds`; whatever ends it, everybody's text so far is settled."""
        end = None if seconds is None else self._clock() + seconds
        try:
            while not self._stopped and (end is None or self._clock() < end):
                self.step()
        finally:
            with ExitStack() as stack:  # everybody, also where one of them fails
                for wearer in reversed(self._present):
                    stack.callback(wearer.settle, "end")

    def stop(self) -> None:
        """End `run` after this step."""
        self._stopped = True

    def pause(self, wearer: Wearer) -> None:
        """Settle somebody's text and drop what they type from now on."""
        if not wearer.paused and not wearer.gone:
            wearer.hush()
            wearer.settle("pause")
            wearer.paused = True

    def resume(self, wearer: Wearer) -> None:
        """Decode again, from the next samples on."""
        wearer.paused = False

    def reset(self, wearer: Wearer) -> None:
        """Settle somebody's text and forget what their muscles did."""
        if not wearer.gone:
            wearer.settle("reset")
            wearer.forget()

    def regroup(self, group: Group, wearers: Sequence[Wearer]) -> None:
        """From the next step on these people are decoded in another group, whose pipelines are theirs already."""
        left = [(old, [None if wearer in wearers else wearer for wearer in members]) for old, members in self._groups]
        self._groups = [(old, members) for old, members in left if any(members)]
        self._groups.append((group, list(wearers)))

    def _pull(self) -> dict[Wearer, Chunk]:
        """What has come, by wearer. Only one who is alone is waited for in their source: it wakes up the soonest."""
        alone = len(self._present) == 1
        until_beat = max(0.0, self._beaten + self._heartbeat_every - self._clock())
        timeout = min(until_beat, self._stall, STALLING) if alone else 0.0
        chunks = {}
        for wearer in list(self._present):
            try:
                if (chunk := wearer.source.pull(timeout)) is not None:
                    chunks[wearer] = chunk
            except InputError as error:
                self._dismiss(wearer, error)
        if not chunks and not alone:
            self._sleep(_PAUSE)
        return chunks

    def _dismiss(self, wearer: Wearer, error: InputError) -> None:
        """Settle the text of one who cannot be decoded any more; of the last one that is the end."""
        wearer.gone = error
        self._present.remove(wearer)
        wearer.settle("gone")
        if not self._present:
            raise InputError(f"{wearer.name}: {error}" if wearer.name else str(error)) from error
        self._say(wearer, f"{error}; their text so far is final, the others go on")

    def _say(self, wearer: Wearer, sentence: str) -> None:
        self._tell(f"{wearer.name}: {sentence}" if wearer.name else sentence)
