"""The loop of the daemon: the only place where time passes. Its decisions by the clock enter the core as calls.

Plan of one step.

Input: the clock, and each wearer's source. State: each wearer's (`Wearer`), and which lines share an encoder.

1. Attend to the world outside: requests are answered, loaded lines are exchanged.
2. Pull samples. A single source is waited for, since it wakes up as soon as samples arrive; several are asked in turn
   without waiting, with a short sleep when none of them has samples.
3. Decode, group by group, the samples of all wearers but those who are paused, and pass the events on.
4. Let each wearer's pause switch and listener see the samples, which may cost time now that the text has gone out.
5. Note silence: after 200 ms a wearer is stalling, which the status shows; after the stall time the text is finished.
6. Heartbeats, at regular intervals.

A wearer whose source fails or whose samples are refused is gone: their text is finished, and the others go on. When
nobody is left, the run ends with that error. However it ends, the text of everybody who is present is finished.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol

from emgtype.live.line import Line, LineGroup
from emgtype.live.wearer import Wearer
from messages.errors import InputError
from messages.notice import Code, Notice
from messages.signal import Chunk

STALLING = 0.2
"""Seconds without samples after which the status says so; text is made final later, since samples may still come."""
_PAUSE_S = 0.001
"""Sleep between two rounds over several sources none of which had samples."""


class Clock(Protocol):
    """Monotonic seconds, and a way to let them pass."""

    def __call__(self) -> float:
        """Return the seconds now."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""


class SystemClock:
    """The clock of this machine."""

    def __call__(self) -> float:
        """Return the seconds now."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        time.sleep(seconds)


class Daemon:
    """Moves samples from the wearers' sources through their lines; a fault of one wearer leaves the others alone.

    It owns the wearers and the groups of lines that share an encoder, and is the only one that exchanges a line.

    Args:
        wearers: All who are served, at least one.
        stall: Seconds without samples after which a wearer's text is made final; decoding goes on with the next ones.
        heartbeat_every: Seconds between the heartbeats of each wearer.
        notify: Gets a notice of each change that the user should know.
        attend: Called in every step, at least five times a second, e.g. to answer requests; None: nothing is.
        clock: Seconds by which stalls and heartbeats are measured.
    """

    def __init__(
        self,
        wearers: Iterable[Wearer],
        *,
        stall: float,
        heartbeat_every: float,
        notify: Callable[[Notice], None],
        attend: Callable[[], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.wearers: Mapping[str, Wearer] = {wearer.name: wearer for wearer in wearers}
        """Everybody by name, those who are gone, too."""
        self._groups: dict[LineGroup, list[Line]] = {}
        for wearer in self.wearers.values():
            for line in wearer.lines:
                self._groups.setdefault(line.group, []).append(line)
        self._present = [*self.wearers.values()]
        self._stall = stall
        self._heartbeat_every = heartbeat_every
        self._notify_of = notify
        self._attend = attend
        self._stopped = False
        self._clock = clock or SystemClock()
        self._last_heartbeat = self._clock()
        for wearer in self._present:
            wearer.last_arrival = self._last_heartbeat

    def step(self) -> None:
        """Decode the samples that have arrived, or wait for some until the next heartbeat at most.

        Raises:
            InputError: The last wearer's stream has ended, or its samples cannot be decoded.
        """
        if self._attend:
            self._attend()
        chunks = self._pull()
        now = self._clock()
        for wearer, chunk in chunks.items():
            self._note_arrival(wearer, chunk, now)
        self._decode(chunks)
        for wearer, chunk in chunks.items():
            self._switch_pause(wearer, chunk)
            wearer.listener.after_decoding(chunk)
        for wearer in self._present:
            self._note_silence(wearer, now)
        if now - self._last_heartbeat >= self._heartbeat_every:
            self._last_heartbeat = now
            for wearer in self._present:
                wearer.listener.heartbeat(wearer)

    def run(self, seconds: float | None = None) -> None:
        """Step until interrupted or stopped, or for `seconds`; however it ends, everybody's text so far becomes final.

        Raises:
            InputError: As `step`.
        """
        end = None if seconds is None else self._clock() + seconds
        try:
            while not self._stopped and (end is None or self._clock() < end):
                self.step()
        finally:
            # The stack finishes everybody's text, also where that of one wearer fails.
            with ExitStack() as stack:
                for wearer in reversed(self._present):
                    stack.callback(wearer.finish, "end")

    def stop(self) -> None:
        """End `run` after this step."""
        self._stopped = True

    def pause(self, wearer: Wearer) -> None:
        """Make a wearer's text final and drop their samples from now on."""
        if not wearer.paused and not wearer.gone:
            wearer.listener.before_pause()
            wearer.finish("pause")
            wearer.paused = True

    def resume(self, wearer: Wearer) -> None:
        """Decode a wearer again, from the next samples on."""
        wearer.paused = False

    def reset(self, wearer: Wearer) -> None:
        """Make a wearer's text final and forget their samples so far."""
        if not wearer.gone:
            wearer.finish("reset")
            wearer.reset()

    def exchange(self, line: Line, successor: Line) -> None:
        """Let a line just loaded go on where another one stops, from the next step on in its own group."""
        wearer = self._wearer_of(line)
        successor.take_over(line)
        wearer.lines[wearer.lines.index(line)] = successor
        self._groups[line.group].remove(line)
        if not self._groups[line.group]:
            del self._groups[line.group]
        self._groups.setdefault(successor.group, []).append(successor)

    def encoders(self) -> list[dict[str, Any]]:
        """Return the figures of the encoder calls that lines share, with the names of their wearers."""
        return [
            {
                "bundle": str(group.bundle.folder),
                "people": [name for name, wearer in self.wearers.items() if not set(wearer.lines).isdisjoint(lines)],
                "stages_ms": group.timer.report(),
            }
            for group, lines in self._groups.items()
        ]

    def _pull(self) -> dict[Wearer, Chunk]:
        """Return the samples that have arrived; only a single source is waited for, which wakes up the soonest."""
        alone = len(self._present) == 1
        until_heartbeat = max(0.0, self._last_heartbeat + self._heartbeat_every - self._clock())
        timeout = min(until_heartbeat, self._stall, STALLING) if alone else 0.0
        chunks = {}
        for wearer in list(self._present):
            try:
                if (chunk := wearer.source.pull(timeout)) is not None:
                    chunks[wearer] = chunk
            except InputError as error:
                self._dismiss(wearer, error)
        if not chunks and not alone:
            self._clock.sleep(_PAUSE_S)
        return chunks

    def _note_arrival(self, wearer: Wearer, chunk: Chunk, now: float) -> None:
        wearer.samples += len(chunk.times)
        wearer.newest = float(chunk.times[-1])
        wearer.last_arrival = now
        wearer.stalling = False
        if wearer.stalled:
            wearer.stalled = False
            self._notify("samples-again", wearer)

    def _decode(self, chunks: Mapping[Wearer, Chunk]) -> None:
        """Decode the samples of all wearers but those who are paused, and pass the events on."""
        pending: dict[Line, Chunk] = {}
        for wearer, chunk in chunks.items():
            wearer.listener.before_decoding(chunk)
            if not wearer.paused:
                for line in wearer.lines:
                    pending[line] = chunk
        refused: list[tuple[Line, InputError]] = []
        for group, lines in self._groups.items():
            ready = {line: pending[line] for line in lines if line in pending}
            for line, result in (group.push(ready) if ready else {}).items():
                if isinstance(result, InputError):
                    refused.append((line, result))
                else:
                    line.pass_on(result)
        # Only now: a wearer is dismissed with all of their lines, the others of which may just have been decoded.
        for line, error in refused:
            wearer = self._wearer_of(line)
            if not wearer.gone:
                self._dismiss(wearer, error)

    def _switch_pause(self, wearer: Wearer, chunk: Chunk) -> None:
        if wearer.pause_switch and wearer.pause_switch.push(chunk) % 2:
            (self.resume if wearer.paused else self.pause)(wearer)
            self._notify("clench-paused" if wearer.paused else "clench-resumed", wearer)

    def _note_silence(self, wearer: Wearer, now: float) -> None:
        silence = now - wearer.last_arrival
        if silence >= STALLING and not wearer.stalling:
            wearer.stalling = True
            wearer.stalls += 1
        if silence >= self._stall and not wearer.stalled:
            wearer.stalled = True
            streams = wearer.source.silent()
            code: Code = "streams-stalled" if streams else "stalled"
            self._notify(code, wearer, streams=" and ".join(streams), seconds=self._stall)
            wearer.finish("stall")

    def _dismiss(self, wearer: Wearer, error: InputError) -> None:
        """Make the text of a wearer final who cannot be decoded any more; with the last one the run ends."""
        wearer.gone = error
        self._present.remove(wearer)
        wearer.finish("gone")
        if not self._present:
            raise InputError(f"{wearer.name}: {error}" if len(self.wearers) > 1 else str(error)) from error
        self._notify("gone", wearer, reason=error)

    def _wearer_of(self, line: Line) -> Wearer:
        for wearer in self.wearers.values():
            if line in wearer.lines:
                return wearer
        raise ValueError("the line belongs to no wearer of this daemon")

    def _notify(self, code: Code, wearer: Wearer, **values: Any) -> None:
        self._notify_of(Notice(code, wearer.name, values))
