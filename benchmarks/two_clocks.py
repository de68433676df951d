"""Measure what two bands with clocks, latencies and jitter of their own cost, against the same session on one clock.

A simulated session is decoded twice: as it is, and as two streams. The right band samples by a clock that is off by
--ppm, its packets arrive --latency ms later than the left band's, and every packet of either band is stamped and
arrives with jitter. Clock synchronisation knows each clock with the error that LSL's has; samples are not numbered.
Prints CER with its paired 95 % interval over prompts, the estimated skew against the true one, and the time between the
samples of a pair.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.progress import Progress
from rich.table import Table

from benchmarks.accuracy import TEST_DONNING, prompt_ends
from benchmarks.results import command_line, publish
from decoder.metrics import CharacterErrors, cer_difference, segment_errors
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.replay.key_delays import ShownKeys
from emgtype.tables import accuracy_table
from emgtype.texts import load_text
from messages.signal import F64, Chunk, Layout, joined
from simulator.person import make_person
from simulator.session import LAYOUT, TypingSession, typing_session
from streamer.arrival.intake import Delivery, Intake
from streamer.arrival.merger import Merger
from streamer.arrival.resampler import Resampler

_PACKET = 32
"""Samples of a packet: 16 ms, as a radio sends them."""
_ESTIMATE = 5.0
"""Seconds between two estimates of the clocks' difference: LSL's default."""
_ESTIMATE_ERROR = 2e-4
"""Largest error of an estimate in seconds, to either side: LSL's on a quiet network."""
_BASE_LATENCY = 0.005
"""Seconds that any packet is on its way."""
_TRUTH = Layout(LAYOUT.rate, LAYOUT.unit, LAYOUT.sides, 1)
_CLOCK = 10.0
"""Slope of the ramp that marks each sample's time, in µV per second: a level that muscles could have."""
_SETTLED = 30.0
"""Seconds after which the skew is judged."""


class Band:
    """A band that samples by a clock of its own: takes chunks, and returns its packets."""

    def __init__(self, options: argparse.Namespace, side: int) -> None:
        self._side = side
        self._ppm = options.ppm if side else 0.0
        self._latency = _BASE_LATENCY + (1e-3 * options.latency if side else 0.0)
        self._jitter = 1e-3 * options.jitter
        self._rng = np.random.default_rng([options.seed, side])
        self._sampler = Resampler(LAYOUT.rate * (1 + 1e-6 * self._ppm)) if self._ppm else None
        self._samples = np.empty((0, LAYOUT.electrodes), np.float32)
        self._times = np.empty(0)
        self._arrived = 0.0

    def push(self, chunk: Chunk) -> list[tuple[Delivery, F64]]:
        """Return packets, and the times at which their samples were taken."""
        samples, times = chunk.samples[:, self._side], chunk.times
        if self._sampler:
            samples, times = self._sampler.push(samples, times)
        self._samples = np.concatenate([self._samples, samples])
        self._times = np.concatenate([self._times, times])
        made = []
        while len(self._times) >= _PACKET:
            made.append(self._packet(self._samples[:_PACKET], self._times[:_PACKET]))
            self._samples, self._times = self._samples[_PACKET:], self._times[_PACKET:]
        return made

    def _packet(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], times: F64) -> tuple[Delivery, F64]:
        stamped, delivered = self._rng.uniform(0, self._jitter, 2)
        # The device's clock, and its estimate, which holds for five seconds in which the clock drifts on.
        number = np.floor(times / _ESTIMATE)
        estimate = np.random.default_rng([self._side, int(number[0])]).uniform(-_ESTIMATE_ERROR, _ESTIMATE_ERROR)
        drifted = 1e-6 * self._ppm * (times - number * _ESTIMATE)
        arrived = float(times[-1]) + self._latency + delivered
        # Packets do not overtake each other.
        self._arrived = max(self._arrived, arrived)
        return Delivery(samples, times + drifted + estimate + stamped, None, self._arrived), times


class Decoding:
    """A pipeline, and the keys that it has shown."""

    def __init__(self, bundle: str) -> None:
        config = load_config(flags={"bundle": bundle, "pipeline.hop_frames": 16})
        self._pipeline = assemble(open_bundle(bundle), config)
        self.keys = ShownKeys()
        self.seconds = 0.0

    def push(self, chunk: Chunk | None) -> None:
        """Decode samples; None: the end."""
        start = time.perf_counter()
        events = self._pipeline.finish() if chunk is None else self._pipeline.push(chunk)
        self.seconds += time.perf_counter() - start
        for event in events:
            self.keys.push(event)


@dataclass
class Streams:
    """Two streams merged into one signal, and the figures of the merging."""

    options: argparse.Namespace
    seconds: float = 0.0
    """Seconds of computing in the merger."""
    skews: list[float] = field(default_factory=list)
    """The estimated skew in ms, once a second after the first _SETTLED seconds."""
    apart: list[F64] = field(default_factory=list)
    """Milliseconds from the left sample of each pair to the right one, by the time of sampling."""

    def __post_init__(self) -> None:
        self.bands = [Band(self.options, side) for side in range(LAYOUT.bands)]
        self.merger, self._marked = (Merger(layout, self._intakes()) for layout in (LAYOUT, _TRUTH))
        self._waiting: list[tuple[float, int, Delivery, F64]] = []
        self._next_skew = _SETTLED

    @staticmethod
    def _intakes() -> list[Intake]:
        return [Intake(side, LAYOUT.rate, None, 2.0) for side in LAYOUT.sides]

    def push(self, chunk: Chunk, *, last: bool = False) -> Chunk | None:
        """Take the session's next samples; return the merged samples that have arrived by the time of the newest."""
        for side, band in enumerate(self.bands):
            self._waiting += [(delivery.arrived, side, delivery, times) for delivery, times in band.push(chunk)]
        self._waiting.sort(key=lambda packet: packet[:2])
        now = np.inf if last else float(chunk.times[-1])
        due = [packet for packet in self._waiting if packet[0] <= now]
        del self._waiting[: len(due)]
        return joined([piece for packet in due for piece in self._deliver(*packet)])

    def _deliver(self, arrived: float, side: int, delivery: Delivery, times: F64) -> list[Chunk]:
        start = time.perf_counter()
        pieces = self.merger.push(side, delivery)
        self.seconds += time.perf_counter() - start
        ramp = (_CLOCK * times[:, None]).astype(np.float32)
        for pair in self._marked.push(side, Delivery(ramp, delivery.stamps, None, arrived)):
            taken = pair.samples[:, :, 0].astype(np.float64) / _CLOCK
            self.apart.append(1e3 * (taken[:, 1] - taken[:, 0]))
        if arrived >= self._next_skew and self.merger.skew is not None:
            self._next_skew += 1.0
            self.skews.append(1e3 * self.merger.skew)
        return pieces


def blocks(session: TypingSession) -> Iterator[tuple[Chunk, bool]]:
    """Yield the session's chunks, each with whether it is the last."""
    before: Chunk | None = None
    for chunk in session.chunks():
        if before is not None:
            yield before, False
        before = chunk
    if before is not None:
        yield before, True


def run(session: TypingSession, options: argparse.Namespace, progress: Progress) -> tuple[Streams, list[Decoding]]:
    """Decode one session both ways."""
    streams, one, two = Streams(options), Decoding(options.bundle), Decoding(options.bundle)
    task = progress.add_task(f"donning {session.donning}", total=session.duration)
    for chunk, last in blocks(session):
        one.push(chunk)
        if merged := streams.push(chunk, last=last):
            two.push(merged)
        progress.advance(task, len(chunk.times) / LAYOUT.rate)
    for decoding in (one, two):
        decoding.push(None)
    return streams, [one, two]


def signal_table(runs: Sequence[Streams], options: argparse.Namespace) -> Table:
    """Return a table of skew, drift and alignment against the truth."""
    table = Table("", "estimated or measured", "true", title="two clocks", title_justify="left")
    errors = np.abs(np.concatenate([streams.skews for streams in runs]) - options.latency)
    apart = np.abs(np.concatenate([np.concatenate(streams.apart) for streams in runs]))
    late = np.abs(np.concatenate([np.concatenate(streams.apart)[round(_SETTLED * LAYOUT.rate) :] for streams in runs]))
    figures = [streams.merger.figures() for streams in runs]
    skews = ", ".join(f"{streams.skews[-1]:.2f}" for streams in runs)
    table.add_row("skew at the end, ms", skews, f"{options.latency:g}")
    table.add_row(
        f"error of the skew after {_SETTLED:g} s, ms: median, largest",
        f"{np.median(errors):.2f}, {errors.max():.2f}",
        "0",
    )
    table.add_row("drift, ppm", ", ".join(f"{figure['drift_ppm']:.1f}" for figure in figures), f"{options.ppm:g}")
    table.add_row(
        "samples of a pair apart, ms: median, p99", f"{np.median(apart):.2f}, {np.percentile(apart, 99):.2f}", "0"
    )
    table.add_row(
        f"the same after {_SETTLED:g} s: p99, largest", f"{np.percentile(late, 99):.2f}, {late.max():.2f}", "0"
    )
    table.add_row("gaps seen", str(sum(figure["steps"] + figure["filled"] for figure in figures)), "0")
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed; the demo model is for person 1")
    parser.add_argument("--donnings", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="per donning")
    parser.add_argument("--ppm", type=float, default=50.0, help="by which the right clock is fast")
    parser.add_argument("--latency", type=float, default=30.0, help="ms that right comes later")
    parser.add_argument("--jitter", type=float, default=20.0, help="ms, of stamps and of arrivals, evenly spread")
    parser.add_argument("--seed", type=int, default=0, help="of the jitter")
    options = parser.parse_args()
    paragraphs, person = load_text("test"), make_person(options.person)
    donnings = range(TEST_DONNING, TEST_DONNING + options.donnings)
    sessions = [typing_session(person, donning, paragraphs, options.minutes * 60) for donning in donnings]
    runs: list[Streams] = []
    errors: list[list[CharacterErrors]] = [[], []]
    seconds = 0.0
    with Progress(transient=True) as progress:
        for session in sessions:
            streams, decodings = run(session, options, progress)
            runs.append(streams)
            truth = [k.label for k in session.keystrokes if k.label is not None]
            for decoding, segments in zip(decodings, errors, strict=True):
                segments.extend(segment_errors(decoding.keys.labels, truth, prompt_ends(truth)))
            seconds += decodings[1].seconds
    cost = cer_difference(errors[1], errors[0])
    duration = sum(session.duration for session in sessions)
    rows = {"one clock": sum(errors[0], CharacterErrors()), "two clocks": sum(errors[1], CharacterErrors())}
    publish(
        options,
        [
            f"person {options.person}, {options.donnings} donnings, {duration / 60:.1f} minutes",
            accuracy_table(rows),
            f"two clocks − one clock: {cost.difference:+.2f} points, 95 % interval {cost.low:+.2f} to {cost.high:+.2f}",
            signal_table(runs, options),
            f"merging takes {1e3 * sum(streams.seconds for streams in runs) / duration:.1f} ms per second of signal, "
            f"decoding {1e3 * seconds / duration:.1f} ms",
        ],
    )


if __name__ == "__main__":
    main()
