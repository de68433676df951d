"""Prints the simulated typists' statistics beside those of a real key log.

    python -m benchmarks.typist_realism --keys keystrokes.npz

The log: arrays `onset` (s), `duration` (s), `key` (index into `key_names`, characters and pynput names), `session`
(index into `sessions`), `rec_duration` (s per session). Without one, only the simulated column is printed.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from decoder.charset import BACKSPACE, CLASSES, ENTER, LABELS, SHIFT, SPACE, key_name_to_label
from emgtype.texts import load_text
from simulator.keyboard import strike
from simulator.text import prompts
from simulator.typist import random_typist, recorded, type_prompts

Floats = npt.NDArray[np.float64]
_OUTSIDE = -1  # label of a key outside the character set


@dataclass(frozen=True, slots=True)
class KeyLog:
    """Presses of many sessions, in order."""

    onset: Floats
    """(presses,) s."""
    duration: Floats
    """(presses,) s, press to release."""
    label: npt.NDArray[np.intp]
    """(presses,) index into the character set, or -1."""
    session: npt.NDArray[np.intp]
    """(presses,) which session."""
    seconds: Floats
    """(sessions,) duration of each."""


def read_log(path: Path) -> KeyLog:
    """A key log from a file."""
    with np.load(path) as data:
        of_name = [_OUTSIDE if (label := key_name_to_label(str(n))) is None else label for n in data["key_names"]]
        label = np.array(of_name, dtype=np.intp)[data["key"]]
        session = data["session"].astype(np.intp)
        return KeyLog(data["onset"], data["duration"].astype(np.float64), label, session, data["rec_duration"])


def simulated_log(people: int, minutes: float, seed: int) -> KeyLog:
    """One session each of `people` drawn typists, as their keyboards would report it."""
    paragraphs = load_text("train")
    onset, duration, label, session, seconds = [], [], [], [], []
    for person in range(people):
        rng = np.random.default_rng([seed, person])
        first = int(rng.integers(len(paragraphs)))
        texts = prompts(paragraphs[first:] + paragraphs[:first], seed=person)
        typed, shown = type_prompts(texts, random_typist(rng), rng, 0.0, 60 * minutes)
        for k in recorded(typed):
            onset.append(k.start)
            duration.append(k.end - k.start)
            label.append(_OUTSIDE if k.label is None else k.label)
            session.append(person)
        seconds.append(shown[-1].end)
    return KeyLog(np.array(onset), np.array(duration), np.array(label), np.array(session), np.array(seconds))


def statistics(log: KeyLog) -> dict[str, str]:
    """Name → figures as printed."""
    interval = np.diff(log.onset)
    together = np.diff(log.session) == 0
    before, after = log.label[:-1], log.label[1:]
    overlap = log.onset[:-1] + log.duration[:-1] > log.onset[1:]
    hand = np.array([strike(key).hand == "right" for key in range(CLASSES - 1)] + [False])
    letters = together & (before >= 0) & (before < 26) & (after >= 0) & (after < 26)
    backspace, enter, space, shift = (LABELS[k] for k in (BACKSPACE, ENTER, SPACE, SHIFT))
    within = together & (before != enter) & (interval > 0)
    logs = np.log(interval[within & (interval < 1.0)])
    kinds = {
        "interval within a prompt": within,
        "· same hand": letters & (hand[before] == hand[after]) & (before != after),
        "· alternating hands": letters & (hand[before] != hand[after]),
        "· double letter": letters & (before == after),
        "· letter to space": together & (before < 26) & (after == space),
        "· space to letter": together & (before == space) & (after < 26),
        "· any key to ⌫": together & (after == backspace),
        "· first ⌫ of a run": together & (after == backspace) & (before != backspace),
        "· into enter": together & (after == enter),
        "· after enter": together & (before == enter),
    }
    rows = {f"{name}, ms": _percentiles(1000 * interval[chosen]) for name, chosen in kinds.items()}
    rows["ln interval (s, under 1 s): mean, sd"] = f"{logs.mean():.2f}  {logs.std():.2f}"
    rows["hold, ms"] = _percentiles(1000 * log.duration)
    rows["presses before the last release"] = f"{100 * overlap[together].mean():.1f} %"
    rows["· letters, same hand / alternating"] = " / ".join(
        f"{100 * overlap[kinds[k]].mean():.1f} %" for k in ("· same hand", "· alternating hands")
    )
    shares = {
        "⌫": [backspace],
        "space": [space],
        "enter": [enter],
        "e": [LABELS["e"]],
        ".": [LABELS["."]],
        ",": [LABELS[","]],
    }
    shares |= {"'": [LABELS["'"]], "digits": list(range(52, 62)), "capitals, ⇧": [*range(26, 52), shift]}
    for name, labels in shares.items():
        rows[f"share {name}"] = f"{100 * np.isin(log.label, labels).mean():.2f} %"
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, log.label == backspace, 0])))[::2]
    rows["⌫ run of 1 / 2 / 3 / more"] = " / ".join(
        f"{100 * np.mean(c):.0f}" for c in (runs == 1, runs == 2, runs == 3, runs > 3)
    )
    sessions = range(len(log.seconds))
    rows["keys a minute, per session"] = _range([60 * np.sum(log.session == s) / log.seconds[s] for s in sessions])
    rows["⌫ %, per session"] = _range([100 * np.mean(log.label[log.session == s] == backspace) for s in sessions])
    rows["rollover %, per session"] = _range([100 * np.mean(overlap[log.session[1:] == s]) for s in sessions])
    return rows


def _percentiles(values: Floats) -> str:
    return "  ".join(f"{p:4.0f}" for p in np.percentile(values, [5, 25, 50, 75, 95]))


def _range(values: list[float]) -> str:
    return "  ".join(f"{p:4.3g}" for p in np.percentile(values, [0, 10, 50, 90, 100]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=Path, help="key log to compare with (.npz)")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=10.0, help="typed by each")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    columns = {"simulated": statistics(simulated_log(args.people, args.minutes, args.seed))}
    if args.keys:
        columns["real"] = statistics(read_log(args.keys))
    table = Table("percentiles 5 25 50 75 95; per session 0 10 50 90 100", *columns)
    for name in columns["simulated"]:
        table.add_row(name, *(column[name] for column in columns.values()))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
