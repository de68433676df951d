"""Measure key logs: speed, intervals by kind of transition, holds, rollover, typos, key frequencies.

A log file is a numpy archive with `onset` (s), `duration` (s), `key` (index into `key_names`, characters and pynput
names), `session` (index into `sessions`) and `rec_duration` (s per session).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from messages.charset import BACKSPACE, CLASSES, ENTER, LABELS, SHIFT, SPACE, key_name_to_label
from messages.errors import InputError
from messages.signal import F64
from messages.typed import Keystroke
from simulator.keyboard import strike

_OUTSIDE = -1
"""Label of a key outside the character set."""
_WINDOW = 4.0
"""Seconds of a training window of emg2qwerty."""


@dataclass(frozen=True, slots=True)
class KeyLog:
    """The key presses of many sessions, in order."""

    onset: F64
    """(presses,) s."""
    duration: F64
    """(presses,) s, press to release."""
    label: npt.NDArray[np.intp]
    """(presses,) index into the character set, or -1."""
    session: npt.NDArray[np.intp]
    """(presses,) which session."""
    seconds: F64
    """(sessions,) duration of each."""
    names: tuple[str, ...]
    """(presses,) name of each key as the log has it."""

    def timeline(self, session: int, start: float, seconds: float) -> list[Keystroke]:
        """Return the presses of `seconds` s of one session, with times counted from `start`."""
        chosen = np.flatnonzero(
            (self.session == session) & (self.onset >= start) & (self.onset + self.duration < start + seconds)
        )
        onset = self.onset[chosen] - start
        return [
            Keystroke(self.names[i], float(t), float(t + self.duration[i])) for i, t in zip(chosen, onset, strict=True)
        ]


def read_log(path: Path) -> KeyLog:
    """Read a key log from a file.

    Raises:
        InputError: The file is no key log.
    """
    try:
        with np.load(path) as data:
            names = [str(name) for name in data["key_names"]]
            of_name = [_OUTSIDE if (label := key_name_to_label(name)) is None else label for name in names]
            key = data["key"]
            return KeyLog(
                onset=data["onset"].astype(np.float64),
                duration=data["duration"].astype(np.float64),
                label=np.array(of_name, dtype=np.intp)[key],
                session=data["session"].astype(np.intp),
                seconds=data["rec_duration"].astype(np.float64),
                names=tuple(names[k] for k in key),
            )
    except (OSError, EOFError, BadZipFile, KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"cannot read a key log from {path} ({type(error).__name__}); name a numpy archive with onset, duration, "
            "key, key_names, session and rec_duration"
        ) from None


def log_of(sessions: Iterable[tuple[Sequence[Keystroke], float]]) -> KeyLog:
    """Return the key log of sessions, each (presses, duration in s)."""
    keys, session, seconds = list[Keystroke](), list[int](), list[float]()
    for number, (keystrokes, duration) in enumerate(sessions):
        keys += keystrokes
        session += [number] * len(keystrokes)
        seconds.append(duration)
    return KeyLog(
        onset=np.array([k.start for k in keys]),
        duration=np.array([k.end - k.start for k in keys]),
        label=np.array([_OUTSIDE if k.label is None else k.label for k in keys], dtype=np.intp),
        session=np.array(session, dtype=np.intp),
        seconds=np.array(seconds),
        names=tuple(k.key for k in keys),
    )


SESSION_PERCENTILES = 0, 50, 100
"""Of what is counted once a session."""
PERCENTILES = 5, 25, 50, 75, 95
WITHIN_PERCENTILES = 1, 5, 25, 50, 75, 90, 99


def statistics(log: KeyLog) -> dict[str, tuple[float, ...]]:
    """Return figures by name; several are PERCENTILES, spans are in ms and shares in %."""
    return {**_speed(log), **_intervals(log), **_holds(log), **_shares(log)}


def _speed(log: KeyLog) -> dict[str, tuple[float, ...]]:
    sessions = range(len(log.seconds))
    windows = [
        np.histogram(onset, np.arange(onset[0], onset[-1], _WINDOW))[0]
        for s in sessions
        if len(onset := log.onset[log.session == s]) and onset[-1] - onset[0] > 2 * _WINDOW
    ]
    counts = np.concatenate(windows) if windows else np.zeros(1)
    return {
        "keys a minute": _of_sessions([60 * np.sum(log.session == s) / log.seconds[s] for s in sessions]),
        "keys in 4 s: mean, sd": (float(counts.mean()), float(counts.std())),
    }


def _intervals(log: KeyLog) -> dict[str, tuple[float, ...]]:
    interval = np.diff(log.onset)
    together = np.diff(log.session) == 0
    before, after = log.label[:-1], log.label[1:]
    hand = np.array([strike(key).hand == "right" for key in range(CLASSES - 1)] + [False])
    letters = together & (before >= 0) & (before < 26) & (after >= 0) & (after < 26)
    backspace, enter, space = LABELS[BACKSPACE], LABELS[ENTER], LABELS[SPACE]
    within = together & (before != enter) & (interval > 0)
    kinds = {
        "same hand": letters & (hand[before] == hand[after]) & (before != after),
        "alternating hands": letters & (hand[before] != hand[after]),
        "double letter": letters & (before == after),
        "letter to space": together & (before < 26) & (after == space),
        "space to letter": together & (before == space) & (after < 26),
        "into ⌫": together & (after == backspace),
        "into the first ⌫ of a run": together & (after == backspace) & (before != backspace),
        "into enter": together & (after == enter),
        "after enter": together & (before == enter),
    }
    logs = np.log(interval[within & (interval < 1.0)])
    moments = (float(logs.mean()), float(logs.std())) if len(logs) else (float("nan"),) * 2
    overlap = together & (log.onset[:-1] + log.duration[:-1] > log.onset[1:])
    sessions = range(len(log.seconds))
    own = [log.session[:-1] == s for s in sessions]
    return {
        "interval within a prompt, ms": _percentiles(1000 * interval[within], WITHIN_PERCENTILES),
        "ln interval in s, under 1 s: mean, sd": moments,
        **{f"{name}, ms": _percentiles(1000 * interval[chosen], PERCENTILES) for name, chosen in kinds.items()},
        "rollover, %": (_share(overlap[together]),),
        "rollover in same hand, alternating, %": tuple(
            _share(overlap[kinds[k]]) for k in ("same hand", "alternating hands")
        ),
        "rollover by session, %": _of_sessions([_share(overlap[s & together]) for s in own]),
    }


def _holds(log: KeyLog) -> dict[str, tuple[float, ...]]:
    held = [1000 * log.duration[log.session == s] for s in range(len(log.seconds))]
    return {
        "held, ms": _percentiles(1000 * log.duration, PERCENTILES),
        "held by session, median, ms": _of_sessions([float(np.median(h)) for h in held if len(h)]),
    }


def _shares(log: KeyLog) -> dict[str, tuple[float, ...]]:
    backspace = LABELS[BACKSPACE]
    groups: dict[str, Sequence[int]] = {
        "space": [LABELS[SPACE]],
        "e": [LABELS["e"]],
        "a": [LABELS["a"]],
        "t": [LABELS["t"]],
        "i": [LABELS["i"]],
        "⌫": [backspace],
        "enter": [LABELS[ENTER]],
        ".": [LABELS["."]],
        ",": [LABELS[","]],
        "digits": range(52, 62),
        "capitals and ⇧": [*range(26, 52), LABELS[SHIFT]],
    }
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, log.label == backspace, 0])))[::2]
    by_session = [_share(log.label[log.session == s] == backspace) for s in range(len(log.seconds))]
    return {
        **{f"share of {name}, %": (_share(np.isin(log.label, keys)),) for name, keys in groups.items()},
        "share of ⌫ by session, %": _of_sessions(by_session),
        "⌫ runs of 1, 2, 3, more, %": tuple(_share(c) for c in (runs == 1, runs == 2, runs == 3, runs > 3)),
        "keys of 98 that never occur": (98.0 - len(set(log.label.tolist()) - {_OUTSIDE}),),
    }


def _share(chosen: npt.NDArray[np.bool_]) -> float:
    """Return a share in %; NaN of none."""
    return 100 * float(np.mean(chosen)) if len(chosen) else float("nan")


def _percentiles(values: F64, at: Sequence[float]) -> tuple[float, ...]:
    return (
        tuple(float(p) for p in np.nanpercentile(values, at))
        if not np.isnan(values).all()
        else (float("nan"),) * len(at)
    )


def _of_sessions(values: Sequence[float]) -> tuple[float, ...]:
    return _percentiles(np.array(values), SESSION_PERCENTILES)
