"""Text to key presses as people type: uneven intervals, rollover, typos noticed late and taken back.

Calibrated on the key logs of emg2qwerty (Sivakumar et al. 2024); `benchmarks/simulator_realism.py` compares the two.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE, label_to_key_name, text_to_labels
from messages.typed import Keystroke, Prompt
from simulator.keyboard import TEXTBOOK, Strike, needs_shift, neighbours

_BACKSPACE, _ENTER, _SHIFT, _SPACE = LABELS[BACKSPACE], LABELS[ENTER], LABELS[SHIFT], LABELS[SPACE]
LABEL_CLOCK = 0.015
"""Seconds: keyboards report a press at the next tick of their own clock."""

# Median seconds between two presses, and how much more or less than usual they scatter.
_INTO_BACKSPACE = 0.52, 0.95  # noticing takes its time: 99.7 % of ⌫ come later than 160 ms
_REPEATED_BACKSPACE = 0.155, 0.7
_AFTER = {_BACKSPACE: (0.205, 1.2), _SPACE: (0.180, 1.0)}
_INTO = {_ENTER: (0.25, 1.3), _SPACE: (0.124, 1.0)}
_DOUBLE = 0.148, 0.5
_SAME_FINGER = 0.185, 0.8
_SAME_HAND = 0.176, 0.8
_ROLL = 0.085, 0.8
_ALTERNATING = 0.130, 0.95
_REACTION = 0.70, 0.5  # from a prompt's appearance to its first press
_FASTEST = 0.02  # seconds between presses of two fingers
_FASTEST_REPEAT = 0.09  # a finger must lift first

# How many more keys are struck before a typo is noticed: 57 % of ⌫ runs are one key long, 24 % two, 9 % three.
_NOTICED_AFTER = np.array([0.62, 0.21, 0.08, 0.05, 0.04])
_UNNOTICED = 0.12  # share of typos that stay: 9 % of real prompts are not as shown


@dataclass(frozen=True, slots=True)
class Typist:
    """A person's typing habits."""

    pace: float = 1.0
    """Intervals relative to the population's."""
    spread: float = 0.46
    """Standard deviation of the log of an interval within its kind of transition."""
    hesitation: float = 0.05
    """Share of keys before which the typist pauses."""
    roll: float = 0.22
    """Share of key pairs for two fingers of one hand that are struck in one movement, the first not yet up."""
    typo: float = 0.030
    """Share of keys that come out wrong."""
    hold: float = 0.094
    """Seconds: median time that a key is held, whether or not the next one comes meanwhile (rollover)."""
    strikes: tuple[Strike, ...] = TEXTBOOK
    """Finger and reach for each label."""


def random_typist(rng: np.random.Generator, strikes: tuple[Strike, ...] = TEXTBOOK) -> Typist:
    """Draw a person's habits: over a session, the slowest type 93 keys a minute, the median 263, the fastest 464."""
    speed = rng.normal()
    pace = float(np.clip(np.exp((0.34 if speed > 0 else 0.24) * speed), 0.55, 3.0))  # the slow are further out
    return Typist(
        pace=pace,
        spread=float(np.clip(rng.normal(0.42, 0.06), 0.30, 0.58)),
        hesitation=float(np.exp(rng.normal(np.log(0.04), 0.35))),
        roll=float(rng.uniform(0.10, 0.55)),
        typo=float(np.clip(np.exp(rng.normal(np.log(0.030), 0.4)) * pace**0.5, 0.01, 0.055)),
        hold=float(np.exp(rng.normal(np.log(0.094), 0.15))),
        strikes=strikes,
    )


def type_prompts(
    prompts: Iterable[str], typist: Typist, rng: np.random.Generator, start: float, end: float = float("inf")
) -> tuple[list[Keystroke], list[Prompt]]:
    """Key presses of prompts, one after the other, each closed by enter.

    Args:
        prompts: Texts.
        typist: Who types.
        rng: All chance.
        start: Seconds: when the first prompt is shown.
        end: Seconds: typing stops before the first prompt that would not be done by then.

    Returns:
        True presses in press order (⇧ and the shifted character both appear, as key logs have it), and the prompts.
    """
    keystrokes: list[Keystroke] = []
    shown: list[Prompt] = []
    time = start
    for text in prompts:
        typed = list(_presses(text, typist, rng, time + _vary(*_REACTION, typist, rng)))
        done = typed[-1].end
        if done > end:
            break
        keystrokes += typed
        shown.append(Prompt(text, time, done))
        time = done
    return _released_in_time(keystrokes, typist), shown


def recorded(keystrokes: Iterable[Keystroke]) -> list[Keystroke]:
    """The same presses as a keyboard reports them: at the next tick of its clock."""

    def tick(t: float) -> float:
        return float(np.ceil(t / LABEL_CLOCK) * LABEL_CLOCK)

    return [Keystroke(k.key, tick(k.start), max(tick(k.end), tick(k.start) + LABEL_CLOCK)) for k in keystrokes]


def _presses(text: str, typist: Typist, rng: np.random.Generator, time: float) -> Iterator[Keystroke]:
    previous: int | None = None
    for label in _with_typos(text_to_labels(text.strip()), typist, rng):
        if previous is not None:
            time += _interval(previous, label, typist, rng)
        hold = typist.hold * float(np.exp(rng.normal(0, 0.28)))
        if label == _BACKSPACE:
            hold *= 0.8
        if needs_shift(label):
            lead = float(rng.uniform(0.05, 0.14))
            yield Keystroke(label_to_key_name(_SHIFT), time, time + lead + 0.8 * hold)
            time += lead
        yield Keystroke(label_to_key_name(label), time, time + hold)
        previous = label


def _with_typos(labels: list[int], typist: Typist, rng: np.random.Generator) -> Iterator[int]:
    """The keys really struck, enter last: now and then a typo, noticed some keys later and mostly taken back."""
    i = 0
    while i < len(labels):
        wrong, meant = _typo(labels, i, rng) if rng.random() < typist.typo else ([], 0)
        if not wrong:
            yield labels[i]
            i += 1
            continue
        yield from wrong
        if rng.random() < _UNNOTICED:
            i += meant
            continue
        more = labels[i + meant :][: int(rng.choice(len(_NOTICED_AFTER), p=_NOTICED_AFTER))]
        yield from more
        yield from [_BACKSPACE] * (len(wrong) + len(more))
    yield _ENTER


def _typo(labels: list[int], i: int, rng: np.random.Generator) -> tuple[list[int], int]:
    """Keys struck instead of labels[i:], and how many of those they stand for."""
    here, following = labels[i], labels[i + 1 : i + 2]
    kind = rng.random()
    if kind < 0.10 and following and following != [here]:
        return [*following, here], 2  # swapped
    if kind < 0.25 and following and following != [here]:
        return following, 2  # left out
    if kind < 0.30 and i and labels[i - 1] != here:
        return [labels[i - 1]], 0  # the one before struck twice
    near = [key for key in neighbours(here) if not KEYS[key].isdigit()]  # fingers seldom stray up to the digits
    if kind < 0.75 and near:
        return [int(rng.choice(near))], 1
    other = int(rng.integers(26))  # another letter was on the mind
    return ([other], 1) if other != here else ([], 0)


def _interval(previous: int, label: int, typist: Typist, rng: np.random.Generator) -> float:
    """Seconds from one press to the next."""
    transition = _transition(previous, label, typist)
    if transition is _SAME_HAND and rng.random() < typist.roll:
        transition = _ROLL
    return max(_vary(*transition, typist, rng), _FASTEST_REPEAT if label == previous else _FASTEST)


def _transition(previous: int, label: int, typist: Typist) -> tuple[float, float]:
    if label == _BACKSPACE:
        return _REPEATED_BACKSPACE if previous == _BACKSPACE else _INTO_BACKSPACE
    special = _AFTER.get(previous) or _INTO.get(label)
    if special:
        return special
    if label == previous:
        return _DOUBLE
    before, after = typist.strikes[previous], typist.strikes[label]
    if before.hand != after.hand:
        return _ALTERNATING
    return _SAME_FINGER if before.finger == after.finger else _SAME_HAND


def _vary(median: float, scatter: float, typist: Typist, rng: np.random.Generator) -> float:
    """Seconds: log-normal about this person's median, now and then with a pause on top."""
    # What takes longer than a movement is thought, and differs less between people.
    pace = typist.pace if median < 0.3 else typist.pace**0.5
    seconds = median * pace * float(np.exp(rng.normal(0, scatter * typist.spread)))
    return seconds + float(rng.exponential(0.45)) if rng.random() < typist.hesitation else seconds


def _released_in_time(keystrokes: list[Keystroke], typist: Typist) -> list[Keystroke]:
    """A finger leaves its key before it strikes again, the same key or another one."""
    pressed: dict[object, float] = {}
    result = []
    for k in reversed(keystrokes):
        label = k.label
        # Which little finger holds ⇧ depends on the key it is for, and it stays down until that one is struck.
        finger = (
            k.key if label is None or label == _SHIFT else (typist.strikes[label].hand, typist.strikes[label].finger)
        )
        again = pressed.get(finger)
        if again is not None and k.end >= again:
            share = 0.9 if label == _SHIFT else 0.7
            result.append(Keystroke(k.key, k.start, k.start + share * (again - k.start)))
        else:
            result.append(k)
        pressed[finger] = k.start
    return result[::-1]
