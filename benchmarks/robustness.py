"""Measure what each fault of the signal, the transport or the surroundings does to the text, and the daemon's messages.

A person types, rests, and types on; every fault strikes three times, twice while they type and once while they rest,
and the daemon's own loop runs in virtual time (emgtype.replay.faulty). Compared with the same session without a fault:

- CER outside of the faults and of the 2 s behind each, with the fault / without; for lasting faults, of everything;
- phantoms: keys during a fault and in the 3 s behind it, with no press within 0.5 s;
- samples lost, of each stream by itself: by the status / in truth;
- recovery: seconds from the first press behind a fault that is decoded rightly without it, until the first right key
  behind it is shown; the longer of two. The typist's pauses are not in it, the decoder's usual delay is: the last
  column has the same measure without a fault.

    python -m benchmarks.robustness
    python -m benchmarks.robustness --unnumbered --only loss,band     # streams that do not count their samples
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.accuracy import TEST_DONNING
from benchmarks.results import command_line, publish
from decoder.metrics import CharacterErrors, matches
from emgtype.config import load_config
from emgtype.replay.faulty import FaultyResult, FaultyRun, StreamOptions
from emgtype.replay.virtual_source import VirtualClock
from emgtype.texts import load_text
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from simulator.fault_plan import SimulatedFault, parse_faults
from simulator.person import make_person
from simulator.session import LAYOUT, typing_session

_STRIKES = (25.0, 50.0, 77.0)
"""Seconds at which a fault strikes; at the last the hands rest."""
_REST = (74.0, 92.0)
"""Seconds between which the hands rest."""
_DURATION = 130.0
_UNCOUNTED = 2.0
"""Seconds behind a fault in which errors are not counted."""
_PHANTOMS = 3.0
"""Seconds behind a fault in which phantoms are counted."""
_NEAR = 0.5
"""Seconds from a press within which a key is no phantom, whether it is right or not."""
_RECOVERY = 12.0
"""Seconds behind a fault in which the first right key is searched."""
_DATED = 0.3
"""Seconds from a press within which the time of its key lies."""
_SIGNAL = ("gaps", "masked", "filled", "stale", "repeated", "reordered", "recounted", "steps")
_COUNTS = ("stalls", *_SIGNAL, "rejected", "overflows")
_LEVELS = {"jitter_ms": 2.0, "skew_ms": 10.0, "rate_ppm": 50.0}
"""Figures of the status that are shown from these values on."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault and its length."""

    name: str
    fault: str
    """The fault's specification; {at} stands for its times, a fault without it lasts to the end."""
    seconds: float = 5.0


CASES = (
    Case("10 % of packets lost, 5 s", "loss@{at}+5=0.1"),
    Case("half of the packets lost, 5 s", "loss@{at}+5=0.5"),
    Case("bursts: 0.15 s of each second lost, 5 s", "bursts@{at}+5=0.15"),
    Case("jitter of 50 ms, 5 s", "jitter@{at}+5=0.05"),
    Case("10 % of packets twice, 5 s", "duplicate@{at}+5=0.1"),
    Case("10 % of packets out of order, 5 s", "reorder@{at}+5=0.1"),
    Case("clock 3 s forward", "jump@{at}=3", 0.0),
    Case("clock 3 s back", "jump@{at}=-3", 0.0),
    Case("clock an hour back", "jump@{at}=-3600", 0.0),
    Case("right clock fast by 500 ppm", "drift@10=500/right"),
    Case("right band 0.1 s later", "skew@10=0.1/right"),
    Case("packets held back, 1 s", "stall@{at}+1", 1.0),
    Case("packets held back, 5 s", "stall@{at}+5"),
    Case("right band gone, 1 s", "band@{at}+1", 1.0),
    Case("right band gone, 5 s", "band@{at}+5"),
    Case("disconnected, 1 s", "disconnect@{at}+1", 1.0),
    Case("disconnected, 5 s", "disconnect@{at}+5"),
    Case("an electrode without numbers, 0.1 s", "nan@{at}+0.1", 0.1),
    Case("an electrode without numbers, 5 s", "nan@{at}+5"),
    Case("clipped at 5 µV, 5 s", "saturation@{at}+5=5"),
    Case("4 electrodes dead, 5 s", "dead@{at}+5=4"),
    Case("hum of 100 µV, 5 s", "hum@{at}+5=100"),
    Case("slow disk, 5 s", "slow-disk@25+5"),
    Case("slow disk, 60 s", "slow-disk@25+60"),
    Case("full disk", "full-disk@25"),
    Case("slow subscriber, 60 s", "slow-subscriber@25+60"),
    Case("slow subscriber, 60 s, for which 100 messages are kept", "slow-subscriber@25+60=100"),
)


@dataclass(slots=True)
class Seen:
    """A sink that records the keys, and when each was typed and shown, in seconds since the first sample."""

    jumps: float = 0.0
    """Seconds that each of the clock's jumps puts stamps forward."""
    clock: VirtualClock | None = None
    labels: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    def push(self, event: TextEvent) -> None:
        """Apply an edit."""
        now = self.clock() if self.clock else 0.0
        for values in (self.labels, self.times, self.shown):
            del values[len(values) - event.erase :]
        for key in event.insert:
            # The stamps are of a clock that has jumped up to three times; the true time cannot lie in the future.
            could = [key.time - jumps * self.jumps for jumps in range(len(_STRIKES) + 1)]
            self.labels.append(key.label)
            self.times.append(max((time for time in could if time <= now), default=now))
            self.shown.append(now)

    def between(self, start: float, end: float) -> list[int]:
        """Return the indices of the keys typed in [start, end)."""
        return [place for place, time in enumerate(self.times) if start <= time < end]


@dataclass(frozen=True, slots=True)
class Truth:
    """The keys typed."""

    labels: tuple[int, ...]
    presses: tuple[float, ...]

    def errors(self, seen: Seen, stretches: Sequence[tuple[float, float]]) -> CharacterErrors:
        """Return the errors within some stretches of time."""
        errors = CharacterErrors()
        for start, end in stretches:
            typed = [label for label, press in zip(self.labels, self.presses, strict=True) if start <= press < end]
            decoded = [seen.labels[place] for place in seen.between(start, end)]
            errors += CharacterErrors.between(decoded, typed)
        return errors

    def phantoms(self, seen: Seen, windows: Sequence[tuple[float, float]]) -> int:
        """Count the keys in some windows that no press is near."""
        pressed = np.array(self.presses)
        places = {place for start, end in windows for place in seen.between(start, end)}
        return sum(bool(np.abs(pressed - seen.times[place]).min() > _NEAR) for place in places)

    def first_right(self, seen: Seen, start: float) -> tuple[float, float]:
        """Return when the first rightly decoded press from `start` on was made, and when its key was shown.

        Both in seconds; NaN where there is none.
        """
        typed = [place for place, press in enumerate(self.presses) if start <= press < start + _RECOVERY]
        places = seen.between(start - _DATED, start + _RECOVERY)
        pairs = matches([seen.labels[place] for place in places], [self.labels[place] for place in typed])
        for place, index in ((typed[a], places[b]) for a, b in pairs):
            if abs(self.presses[place] - seen.times[index]) <= _DATED:
                return self.presses[place], seen.shown[index]
        return np.nan, np.nan


def decode(
    chunks: Sequence[Chunk], faults: Sequence[SimulatedFault], options: argparse.Namespace
) -> tuple[Seen, FaultyResult]:
    """Decode the whole session with faults."""
    seen = Seen(sum({fault.value for fault in faults if fault.kind == "jump"}))
    config = load_config(flags={"bundle": options.bundle, "gate.enabled": not options.no_gate})
    streams = StreamOptions(1 if options.one_stream else LAYOUT.bands, numbered=not options.unnumbered)
    with FaultyRun(chunks, faults, config, streams, [seen]) as run:
        seen.clock = run.clock
        return seen, run.run()


def status_summary(outcome: FaultyResult) -> str:
    """Return the status in short: its sentences without the advice, and its figures."""
    sentences = Counter(
        re.sub(r"^/\S*/[^:\s]*:? ", "", re.sub(r" \(\d+ times\)", "", sentence)).partition(": ")[0]
        for _, sentence in outcome.said
        if not sentence.startswith(("over: ", "no longer: "))
    )
    figures = {name: outcome.status[name] for name in _COUNTS if outcome.status[name]}
    figures |= {name: outcome.worst[name] for name, least in _LEVELS.items() if outcome.worst.get(name, 0) >= least}
    parts = [*_shortened(list(sentences)), ", ".join(f"{name} {value:g}" for name, value in figures.items())]
    if recording := outcome.status.get("recording"):
        parts.append(f"recording.left_out {recording['left_out']}, {outcome.recorded} samples recorded")
    if outcome.messages is not None:
        parts.append(f"{outcome.messages} messages of text came, {outcome.missed} of all kinds were missed")
    return "; ".join(filter(None, parts))


def _shortened(sentences: Sequence[str]) -> list[str]:
    """Keep one of the sentences that differ in their numbers alone."""
    return list({re.sub(r"[-\d.]+", "#", sentence): sentence for sentence in sentences}.values())


def rows(options: argparse.Namespace) -> tuple[Table, list[str]]:
    """Return the table, and notes."""
    session = typing_session(make_person(options.person), TEST_DONNING, load_text("test"), _DURATION)
    strokes = tuple(k for k in session.keystrokes if not _REST[0] <= k.start < _REST[1])
    session = replace(session, keystrokes=strokes)
    timed = [(k.label, k.start) for k in strokes if k.label is not None]
    truth = Truth(*zip(*timed, strict=True))
    chunks = list(session.chunks())
    plain, _ = decode(chunks, (), options)
    table = Table("fault", "CER %", "phantoms", "lost", "recovery, s", "usual, s", "status", title="faults")
    chosen = [case for case in CASES if not options.only or case.fault.partition("@")[0] in options.only.split(",")]
    for case in track(chosen, transient=True):
        strikes = _STRIKES if "{at}" in case.fault else ()
        text = ", ".join(case.fault.format(at=at) for at in strikes) or case.fault
        ends = [at + case.seconds for at in strikes]
        bounds = [0.0, *(bound for at, end in zip(strikes, ends, strict=True) for bound in (at, end + _UNCOUNTED)), 1e9]
        stretches = list(zip(bounds[::2], bounds[1::2], strict=True))
        windows = [(at, end + _PHANTOMS) for at, end in zip(strikes, ends, strict=True)] or [
            (_REST[0] + 1, _REST[1] - 1)
        ]
        try:
            seen, outcome = decode(chunks, parse_faults(text, LAYOUT), options)
        except InputError as error:
            table.add_row(case.name, "", "", "", "", "", f"refused: {error}")
            continue
        slowest, usual = np.nan, np.nan
        for end in ends[:2]:
            press, shown = truth.first_right(plain, end)
            delay = truth.first_right(seen, end)[1] - press
            slowest, usual = (delay, shown - press) if not delay <= slowest else (slowest, usual)
        table.add_row(
            case.name,
            f"{truth.errors(seen, stretches).cer:.1f} / {truth.errors(plain, stretches).cer:.1f}",
            str(truth.phantoms(seen, windows)),
            f"{'–' if outcome.status['lost'] is None else outcome.status['lost']} / {outcome.lost}",
            f"{slowest:.2f}" if ends else "–",
            f"{usual:.2f}" if ends else "–",
            status_summary(outcome) or "nothing",
        )
    return table, [
        f"person {options.person}, donning {TEST_DONNING}, {session.duration:.0f} s, {len(truth.labels)} keys; "
        f"phantoms without a fault, in all: {truth.phantoms(plain, [(0.0, 1e9)])}"
    ]


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed; the demo model is for person 1")
    parser.add_argument("--only", metavar="KIND,...", help="faults of these kinds")
    parser.add_argument("--unnumbered", action="store_true", help="streams that do not count their samples")
    parser.add_argument("--one-stream", action="store_true", help="both bands as one stream")
    parser.add_argument("--no-gate", action="store_true", help="without the idle gate")
    options = parser.parse_args()
    table, notes = rows(options)
    publish(options, [*notes, table])


if __name__ == "__main__":
    main()
