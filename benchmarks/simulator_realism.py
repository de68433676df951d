"""Compare the simulator's sessions with published figures of the real recordings (Sivakumar et al. 2024).

    python -m benchmarks.simulator_realism
    python -m benchmarks.simulator_realism --keys keystrokes.npz

With a key log (layout: benchmarks/key_statistics.py) the typing is compared with it too, and its timelines drive the
forearms in one more column. Such a log is not part of emgtype: it has a licence of its own.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.key_statistics import KeyLog, log_of, read_log, statistics
from benchmarks.published_statistics import KEYS, SIGNAL
from benchmarks.results import command_line, publish
from benchmarks.signal_statistics import Presses, measure
from emgtype.texts import load_text
from messages.errors import InputError
from messages.signal import F32, F64
from messages.typed import Keystroke
from simulator.donning import don
from simulator.person import HANDS, Person, make_person
from simulator.population import population_hash
from simulator.session import LAYOUT, simulate, typing_session
from simulator.text import word_prompts
from simulator.typist import keyboard_log, type_prompts

DONNINGS = 100
"""Seeds of donnings a person has of their own, as in a simulated data set."""
_BARE_DONNINGS = 2000
"""Donnings drawn without a signal, for shares of sessions."""


def measured(person: Person, keystrokes: Sequence[Keystroke], donning: int, seconds: float) -> dict[str, float]:
    """Simulate a session that starts at 0 s and measure it (see `signal_statistics.measure`), with its ring pattern.

    The pattern, `ring_HAND_ELECTRODE` in dB, is each electrode's level against the session's mean level.
    """
    samples = np.concatenate([c.samples for c in simulate(person, keystrokes, donning, 0.0, seconds)])
    labelled = [(k, label) for k in keystrokes if (label := k.label) is not None]
    presses = Presses(
        start=np.array([k.start for k, _ in labelled]),
        end=np.array([k.end for k, _ in labelled]),
        band=np.array([HANDS.index(person.typist.strikes[label].hand) for _, label in labelled], dtype=np.intp),
    )
    return {**measure(samples, LAYOUT.rate, presses), **_ring(samples)}


def _ring(samples: F32) -> dict[str, float]:
    decibel = 10 * np.log10((samples.astype(np.float64) ** 2).mean(axis=0))  # (hands, electrodes)
    decibel -= decibel.mean()
    return {f"ring_{h}_{e}": float(value) for (h, e), value in np.ndenumerate(decibel)}


def signal_table(measurements: list[list[dict[str, float]]], driven: list[dict[str, float]]) -> Table:
    """Return the signal figures of people × donnings beside the published ones.

    `driven` are sessions under real timelines.
    """
    everyone = [session for person in measurements for session in person]
    table = Table("signal", "simulated", "sessions", "published", "", "inside", "sd people", "sd donnings")
    if driven:
        table.add_column("real keys")
    for row in SIGNAL:
        values = np.array([[session[row.name] for session in person] for person in measurements])
        verdicts = [row.verdict(session[row.name]) for session in everyone]
        inside = f"{verdicts.count('ok')}/{len(verdicts)}" if row.range else ""
        cells = [
            row.title,
            _figure(float(np.nanmedian(values))),
            f"{_figure(float(np.nanmin(values)))} .. {_figure(float(np.nanmax(values)))}",
            row.range,
            row.verdict(float(np.nanmedian(values))),
            inside,
            _figure(float(np.nanstd(np.nanmean(values, axis=1)))),
            _figure(float(np.nanmean(np.nanstd(values, axis=1)))) if values.shape[1] > 1 else "",
        ]
        if driven:
            median = float(np.nanmedian([session[row.name] for session in driven]))
            cells.append(f"{_figure(median)} {row.verdict(median)}")
        table.add_row(*cells)
    return table


def variety_table(measurements: list[list[dict[str, float]]]) -> Table:
    """Return the differences of the pattern around the rings, in dB rms over the electrodes, and facts of donnings."""
    names = [name for name in measurements[0][0] if name.startswith("ring_")]
    ring = np.array([[[session[n] for n in names] for session in person] for person in measurements])
    people, donnings = ring.shape[:2]
    same = [_rms(ring[p, i] - ring[p, j]) for p in range(people) for i in range(donnings) for j in range(i)]
    other = [_rms(ring[p, 0] - ring[q, 0]) for p in range(people) for q in range(p)]
    drawn = [don(seed, LAYOUT.electrodes) for seed in range(_BARE_DONNINGS)]
    turns = np.array([d.rotation for d in drawn]) * LAYOUT.electrodes / (2 * np.pi)
    table = Table("people and donnings", "simulated", "published")
    table.add_row("ring pattern, donnings of one person, dB", _figure(float(np.mean(same))) if same else "", "")
    table.add_row("ring pattern, different people, dB", _figure(float(np.mean(other))) if other else "", "")
    table.add_row("rotation, electrodes: sd", f"{turns.std():.2f}", "about ±1")
    table.add_row("· 5 .. 95 %", " .. ".join(f"{p:.2f}" for p in np.percentile(turns, [5, 95])), "about ±1")
    change = np.percentile(np.abs(np.diff(turns, axis=0)), [50, 95])
    table.add_row("· change from one donning to the next, median, 95 %", ", ".join(f"{c:.2f}" for c in change), "")
    table.add_row("sessions with contact artifacts", _percent([d.contact_artifacts for d in drawn]), "25 %")
    table.add_row("sessions with mains hum", _percent([d.mains > 0 for d in drawn]), "3 %")
    table.add_row("sessions with channels noisy above 150 Hz", _percent([bool(d.noise.any()) for d in drawn]), "some")
    return table


def key_table(simulated: KeyLog, real: KeyLog | None) -> Table:
    """Return the key figures beside those of the log, or without one beside the published ones."""
    columns = statistics(simulated), statistics(real) if real else {}
    table = Table("keys (percentiles: benchmarks/key_statistics.py)", "simulated", "published", "worst")
    if real:
        table.add_column("key log")
        table.add_column("worst")
    for name, values in columns[0].items():
        published = KEYS.get(name, ())
        cells = [name, _figures(values), _figures(published), _worst(values, published)]
        if real:
            cells += [_figures(columns[1][name]), _worst(values, columns[1][name])]
        table.add_row(*cells)
    return table


def typed_log(people: int, minutes: float, first: int) -> tuple[KeyLog, float]:
    """Return a session of each of `people` typists as keyboards report it, and the largest error of its times in s."""
    paragraphs, sessions, late = load_text("train"), [], list[float]()
    for seed in range(first, first + people):
        rng = np.random.default_rng([seed, 11])
        texts = word_prompts(paragraphs, seed=seed)
        typed, shown = type_prompts(texts, make_person(seed).typist, rng, 0.0, 60 * minutes)
        seen = keyboard_log(typed)
        late += [report.start - true.start for report, true in zip(seen, typed, strict=True)]
        sessions.append((seen, shown[-1].end))
    low, high = np.percentile(late, [0.5, 99.5])
    return log_of(sessions), float(high - low) / 2


def _worst(values: Sequence[float], real: Sequence[float]) -> str:
    """Return the largest relative deviation, where it exceeds a tenth."""
    off = [(v - r) / abs(r) for v, r in zip(values, real, strict=True) if r and np.isfinite(r)] if real else []
    worst = max(off, key=abs, default=0.0)
    return f"{100 * worst:+.0f} %" if abs(worst) > 0.1 else ""


def _rms(values: F64) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _percent(values: Sequence[bool]) -> str:
    return f"{100 * np.mean(values):.1f} %"


def _figures(values: Sequence[float]) -> str:
    return "  ".join("·" if np.isnan(v) else _figure(v) for v in values)


def _figure(value: float) -> str:
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def seeds(text: str) -> range:
    """Parse 900-907, or one seed."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        "--people", type=seeds, default="900-907", metavar="FIRST-LAST", help="seeds of those who wear the bands"
    )
    parser.add_argument("--donnings", type=int, default=2, help="sessions of each")
    parser.add_argument("--minutes", type=float, default=2.0, help="of each session's signal")
    parser.add_argument("--typists", type=int, default=60, help="key statistics: people, from the first seed on")
    parser.add_argument("--typed-minutes", type=float, default=8.0, help="key statistics: typed by each")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="real key log to compare with and to be driven by")
    args = parser.parse_args()
    try:
        log = read_log(args.keys) if args.keys else None
        publish(args, report(args.people, args.donnings, args.minutes, (args.typists, args.typed_minutes), log))
    except InputError as error:
        parser.exit(2, f"{error}\n")


def report(
    people: range, donnings: int, minutes: float, typing: tuple[int, float], log: KeyLog | None
) -> list[Table | str]:
    """Simulate and measure.

    Args:
        people: Seeds of the people who wear the bands.
        donnings: Sessions of each person.
        minutes: Length of each session.
        typing: Count of typists for the key statistics, and the minutes of each.
        log: Real keys to compare with and to drive forearms by.
    """
    paragraphs, seconds = load_text("train"), 60 * minutes
    measurements: list[list[dict[str, float]]] = []
    driven: list[dict[str, float]] = []
    for seed in track(people, "people", console=Console(stderr=True), transient=True):
        person = make_person(seed)
        sessions = [typing_session(person, DONNINGS * seed + i, paragraphs, seconds) for i in range(donnings)]
        measurements.append([measured(person, s.keystrokes, s.donning, s.duration) for s in sessions])
        if log:
            session = (seed * 7) % len(log.seconds)
            # Past the first prompts.
            start = float(log.onset[log.session == session][0]) + 60.0
            driven.append(measured(person, log.timeline(session, start, seconds), DONNINGS * seed, seconds + 4.0))
    names = f"people {people.start}-{people.stop - 1}, {donnings} donnings each, {minutes:g} min; population"
    simulated, jitter = typed_log(*typing, people.start)
    return [
        f"{names} {population_hash()}",
        signal_table(measurements, driven),
        variety_table(measurements),
        key_table(simulated, log),
        f"label jitter: ±{1000 * jitter:.1f} ms (published: ±7.5 ms)",
    ]


if __name__ == "__main__":
    main()
