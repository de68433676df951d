"""Run days of signal through all that `emgtype serve` runs, without LSL, as fast as it goes: memory, time and text.

A process of its own decodes the signal of one simulated person: typing, then rest, a mouse and clenching, --minutes in
all, played over and over with time stamps that go on, since simulating days would take longer than decoding them.
Another process subscribes to all messages. Beside the last --beside minutes two fresh daemons take in the same samples,
a hop of each in turns, so that other work of the machine falls on all: one that starts from nothing, and one whose gate
starts with what the aged gate has learnt of the wearer, as after an exchange of models.

    python -m benchmarks.soak                                # 2 hours
    python -m benchmarks.soak --hours 24 --json build/bench/soak.json
    python -m benchmarks.soak --real-time 60                 # an hour of `emgtype serve` itself, over LSL
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adapters.wire import format as wire
from adapters.wire.subscriber import Subscriber
from benchmarks.results import command_line, publish
from benchmarks.soak_parts import PAUSE, OneDaemon, Repeats, write_day
from benchmarks.soak_tally import START, Repetitions, Times, differences, resident
from emgtype.config import Config, load_config
from emgtype.models.bundle import open_bundle
from emgtype.places import ENCODERS
from messages.text import Key

_HOUR = 3600.0
AGED, FRESH, TAUGHT = "aged", "fresh", "fresh, gate handed over"
_ENDPOINTS = {AGED: "text", FRESH: "fresh", TAUGHT: "taught"}


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of a soak, and the day that is played."""

    options: argparse.Namespace
    config: Config
    day: Path
    """Samples of a day."""
    pauses: Sequence[float]
    """Seconds from the day's first sample at which a pause of PAUSE seconds ends."""

    def endpoint(self, name: str) -> str:
        """Return the address at which a daemon publishes."""
        return f"ipc://{self.day.parent}/{_ENDPOINTS[name]}"


def soak(setup: Setup, pipe: Connection) -> None:
    """Run in a process of its own: send "ready", a row for each hour, the comparison with fresh daemons, and None."""
    options, config = setup.options, setup.config
    with ExitStack() as stack:
        piece = config.pipeline.hop_frames * open_bundle(config.bundle, config.pipeline.precision).facts.front_end.hop
        source = Repeats(setup.day, START, piece)
        stack.callback(source.close)
        # Keys are collected for the comparison alone: memory must not grow in the hours before.
        compared_keys: list[Key] | None = None
        text = Repetitions(source.length)

        def take(key: Key) -> None:
            text.push(key)
            if compared_keys is not None:
                compared_keys.append(key)

        aged = stack.enter_context(OneDaemon(config, source, setup.endpoint(AGED), take))
        pipe.send("ready")
        hops, end = Times(1 + round(_HOUR * 2000 / piece)), START + _HOUR * options.hours - 60 * options.beside
        while source.now < end:
            pipe.send(_hour(aged, source, text, hops, min(end, source.now + _HOUR)))
        compared_keys = []
        pipe.send(_beside(stack, setup, aged, source, compared_keys))
    pipe.send(None)


def _hour(aged: OneDaemon, source: Repeats, text: Repetitions, hops: Times, end: float) -> dict[str, Any]:
    began, first, keys, most, looked = time.perf_counter(), source.now, text.keys, resident()["rss"], source.now
    while source.now < end:
        start = time.perf_counter()
        aged.step()
        hops.push(time.perf_counter() - start)
        if source.now - looked > 10:
            most, looked = max(most, resident()["rss"]), source.now
    spent, passed = time.perf_counter() - began, source.now - first
    return {
        "hours": (source.now - START) / _HOUR,
        "keys": text.keys - keys,
        "speed": passed / spent,
        "us": hops.take(),
        "mb": {**resident(), "most": most},
        "repeats": [text.repeats, text.other, text.edits],
        "messages_about_the_signal": aged.message_count,
    }


def _beside(stack: ExitStack, setup: Setup, aged: OneDaemon, source: Repeats, aged_keys: list[Key]) -> dict[str, Any]:
    """Run two fresh daemons beside the aged one, a hop of each in turns, and compare times and keys."""
    begun, seconds = source.now, 60 * setup.options.beside
    daemons, keys, sources = {AGED: aged}, {AGED: aged_keys}, {AGED: source}
    for name in (FRESH, TAUGHT):
        keys[name], sources[name] = [], source.again()
        stack.callback(sources[name].close)
        daemons[name] = stack.enter_context(
            OneDaemon(setup.config, sources[name], setup.endpoint(name), keys[name].append)
        )
    gates = {name: daemon.line.pipeline.gate for name, daemon in daemons.items()}
    if (learnt := gates[AGED]) and (pupil := gates[TAUGHT]):
        pupil.follow(deepcopy(learnt))
    times = {name: Times(1 + round(seconds * 2000 / 16)) for name in daemons}
    order = list(daemons)
    while source.now < begun + seconds:
        order.append(order.pop(0))
        for name in order:
            start = time.perf_counter()
            daemons[name].step()
            times[name].push(time.perf_counter() - start)
    # The comparison begins behind the first pause that lies wholly after the start of the fresh daemons.
    into = (begun + PAUSE - START) % source.length
    away = PAUSE + min(((pause - into) % source.length for pause in setup.pauses), default=0.0)
    result: dict[str, Any] = {"from": begun + away, "us": {name: times[name].take() for name in daemons}}
    for name in (FRESH, TAUGHT):
        result[name] = differences(aged_keys, keys[name], begun + away)
        result[name]["whole"] = differences(aged_keys, keys[name], begun)["edits"]
    result["typing"] = {name: gate.typing_level for name, gate in gates.items() if gate}
    return result


def run(options: argparse.Namespace, config: Config) -> dict[str, Any]:
    """Start the decoding process, count its messages, and gather its results."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="emgtype-soak-") as name:
        day, facts = Path(name, "day.f32"), open_bundle(config.bundle, config.pipeline.precision).facts
        with console.status("simulating"):
            hop = config.pipeline.hop_frames * facts.front_end.hop
            pauses = write_day(day, options.minutes, options.person, options.donning, hop)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=soak, args=(Setup(options, config, day, pauses), theirs))
        process.start()
        theirs.close()
        try:
            return _listen([f"ipc://{name}/{each}" for each in _ENDPOINTS.values()], ours, console)
        finally:
            process.join(10)
            process.kill()


def _listen(endpoints: Sequence[str], pipe: Connection, console: Console) -> dict[str, Any]:
    hours: list[dict[str, Any]] = []
    messages = 0
    assert pipe.recv() == "ready"
    with ExitStack() as stack:
        subscribers = [stack.enter_context(Subscriber(each, topics=tuple(wire.KINDS))) for each in endpoints]
        subscriber = subscribers[0]
        for row in _rows(pipe, subscribers):
            messages += row["messages"]
            if "hours" not in row:
                return {"hours": hours, "beside": row, "messages": messages, "messages_lost": subscriber.lost}
            hours.append(row)
            console.print(
                f"{row['hours']:.2f} h: {row['mb']['rss']:.1f} MB, {row['us']['p50']:.0f} µs a hop, "
                f"{row['keys']} keys, {row['speed']:.0f} × real time",
                style="dim",
            )
    raise RuntimeError("the process ended early")


def _rows(pipe: Connection, subscribers: Sequence[Subscriber]) -> Iterator[dict[str, Any]]:
    count = 0
    while True:
        while subscribers[0].receive(0.02):
            count += 1
            # The other publishers must have as much to send.
            for fresh in subscribers[1:]:
                while fresh.receive(0):
                    pass
            if pipe.poll():
                break
        if pipe.poll():
            row = pipe.recv()
            if row is None:
                return
            yield {**row, "messages": count}
            count = 0


def tables(figures: dict[str, Any]) -> list[Table | str]:
    """Return the tables and sentences for the screen."""
    table = Table("hours", title="as fast as possible, one process; µs for a hop, MB resident")
    for heading in (
        "keys",
        "p50",
        "p99",
        "MB",
        "most",
        "without files",
        "repeats of another text, keys",
        "× real time",
    ):
        table.add_column(heading, justify="right")
    for row in figures["hours"]:
        repeats = "{1} of {0}, {2}".format(*row["repeats"])
        us, mb = row["us"], row["mb"]
        cells = [*(f"{us[q]:.0f}" for q in ("p50", "p99")), *(f"{mb[m]:.1f}" for m in ("rss", "most", "anonymous"))]
        table.add_row(f"{row['hours']:.2f}", str(row["keys"]), *cells, repeats, f"{row['speed']:.0f}")
    beside, parts = figures["beside"], list[Table | str]([table])
    for name in (FRESH, TAUGHT):
        us, d = beside["us"], beside[name]
        parts.append(
            f"aged / {name}: p50 × {us[AGED]['p50'] / us[name]['p50']:.3f}, p99 × "
            f"{us[AGED]['p99'] / us[name]['p99']:.3f}; after the first pause {d['edits']} of {d['keys']} keys "
            f"differ, from the first sample on {d['whole']}" + (f"; first: {d['first']}" if "first" in d else "")
        )
    parts.append(f"levels of typing that the gates have learnt, dB: {beside['typing']}")
    parts.append(f"{figures['messages']} messages received by a subscriber, {figures['messages_lost']} lost")
    return parts


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="of signal")
    parser.add_argument("--beside", type=float, default=60.0, help="minutes at the end that fresh daemons take in, too")
    parser.add_argument("--minutes", type=float, default=20.0, help="of signal that are simulated")
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--precision", choices=list(ENCODERS), default="fp32")
    parser.add_argument("--hop", type=int, default=4, help="frames per encoder call")
    parser.add_argument("--person", type=int, default=1, help="seed of who wears the bands")
    parser.add_argument("--donning", type=int, default=2100)
    parser.add_argument("--no-gate", action="store_true", help="without the idle gate")
    parser.add_argument("--real-time", type=float, metavar="MINUTES", help="of `emgtype serve` instead, over LSL")
    options = parser.parse_args()
    flags = {"bundle": options.bundle, "pipeline.precision": options.precision, "pipeline.hop_frames": options.hop}
    config = load_config(None, {**flags, "gate.enabled": False if options.no_gate else None})
    if options.real_time:
        # Here, since LSL is not needed otherwise.
        from benchmarks.memory import watch  # noqa: PLC0415

        folder = open_bundle(options.bundle, options.precision).folder
        row = watch(folder, options.precision, options.hop, 60 * options.real_time, 1.0)
        mb = row["resident_mb"]
        summary = f"{options.real_time:g} minutes of serve: {mb[0]:.1f} MB when ready, {mb[-1]:.1f} at the end, "
        publish(options, [f"{summary}{row['growth_mb_per_hour']:.1f} MB/h, {row['samples_lost']} samples lost"], row)
        return
    options.beside = min(options.beside, 30 * options.hours)
    figures = run(options, config)
    publish(options, tables(figures), figures)


if __name__ == "__main__":
    main()
