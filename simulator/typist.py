"""The typist: text → key presses as people type, with uneven intervals, rollover, and typos that are corrected late.

Inputs: prompts, the habits of a typist, and random numbers. Plan, for each prompt:

1. Some keys become typos: swapped, left out, doubled, or another key. Most are noticed some keys later, and all keys
   since then are taken back with ⌫.
2. The interval before each key is log-normal. Its median depends on the transition (⌫, space, same finger, same hand,
   alternating hands) and on the typist's pace; now and then the typist hesitates.
3. Each key is held for a while, whether or not the next key is pressed meanwhile; but a finger leaves its key before it
   strikes again.

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
"""Period of a keyboard's clock in seconds: it reports a press at the next tick."""

# Transitions: median seconds between two presses, and the scatter relative to the typist's usual one.
# Noticing a typo takes time: 99.7 % of ⌫ come later than 160 ms.
_INTO_BACKSPACE = 0.52, 0.95
_REPEATED_BACKSPACE = 0.155, 0.7
_AFTER = {_BACKSPACE: (0.205, 1.2), _SPACE: (0.180, 1.0)}
_INTO = {_ENTER: (0.25, 1.3), _SPACE: (0.124, 1.0)}
_DOUBLE = 0.148, 0.5
_SAME_FINGER = 0.185, 0.8
_SAME_HAND = 0.176, 0.8
_ROLL = 0.085, 0.8
_ALTERNATING = 0.130, 0.95
# From a prompt's appearance to its first press.
_REACTION = 0.70, 0.5
_FASTEST_S = 0.02
"""Shortest time between presses of two fingers."""
_FASTEST_REPEAT_S = 0.09
"""Shortest time between presses of one finger, which must lift first."""

_NOTICED_AFTER = np.array([0.62, 0.21, 0.08, 0.05, 0.04])
"""Probability of 0, 1, ... more keys before a typo is noticed: 57 % of ⌫ runs are one key long, 24 % two, 9 % three."""
_UNNOTICED_SHARE = 0.12
"""Share of typos that are never noticed: 9 % of real prompts are not typed as shown."""


@dataclass(frozen=True, slots=True)
class Typist:
    """The typing habits of a person."""

    pace: float = 1.0
    """Duration of intervals, relative to the population's."""
    spread: float = 0.46
    """Standard deviation of the log of an interval, for each kind of transition."""
    hesitation: float = 0.05
    """Share of keys before which the typist pauses."""
    roll: float = 0.22
    """Share of key pairs for two fingers of one hand that are struck in one movement, before the first key is up."""
    typo: float = 0.030
    """Share of keys that are mistyped."""
    hold: float = 0.094
    """Median time that a key is held, in seconds; the next key may be pressed meanwhile (rollover)."""
    strikes: tuple[Strike, ...] = TEXTBOOK
    """Strike of each label's key: hand, finger and reach."""


def random_typist(rng: np.random.Generator, strikes: tuple[Strike, ...] = TEXTBOOK) -> Typist:
    """Draw a person's habits: over a session, the slowest type 93 keys a minute, the median 263, the fastest 464."""
    speed = rng.normal()
    # Slow typists differ more from the median than fast ones.
    pace = float(np.clip(np.exp((0.34 if speed > 0 else 0.24) * speed), 0.55, 3.0))
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
    """Type prompts one after the other, each closed by enter.

    Args:
        prompts: Texts of the prompts.
        typist: Habits of the person who types.
        rng: Source of all random numbers.
        start: Time in seconds at which the first prompt is shown.
        end: Time in seconds: typing stops before the first prompt that would end later.

    Returns:
        True presses in press order (⇧ and the shifted character are both listed, as in key logs), and the prompts.
    """
    keystrokes: list[Keystroke] = []
    finished: list[Prompt] = []
    time = start
    for text in prompts:
        typed = list(_presses(text, typist, rng, time + _draw_interval(*_REACTION, typist, rng)))
        last_end = typed[-1].end
        if last_end > end:
            break
        keystrokes += typed
        finished.append(Prompt(text, time, last_end))
        time = last_end
    return _limit_holds(keystrokes, typist), finished


def keyboard_log(keystrokes: Iterable[Keystroke]) -> list[Keystroke]:
    """Return the presses as a keyboard reports them: at the next tick of its clock."""

    def tick(t: float) -> float:
        return float(np.ceil(t / LABEL_CLOCK) * LABEL_CLOCK)

    return [Keystroke(k.key, tick(k.start), max(tick(k.end), tick(k.start) + LABEL_CLOCK)) for k in keystrokes]


def _presses(text: str, typist: Typist, rng: np.random.Generator, time: float) -> Iterator[Keystroke]:
    previous: int | None = None
    for label in _add_typos(text_to_labels(text.strip()), typist, rng):
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


def _add_typos(labels: list[int], typist: Typist, rng: np.random.Generator) -> Iterator[int]:
    """Yield the labels of the keys that are really struck, enter last: a few are typos, most of them taken back."""
    i = 0
    while i < len(labels):
        wrong, replaced = _typo(labels, i, rng) if rng.random() < typist.typo else ([], 0)
        if not wrong:
            yield labels[i]
            i += 1
            continue
        yield from wrong
        if rng.random() < _UNNOTICED_SHARE:
            i += replaced
            continue
        more = labels[i + replaced :][: int(rng.choice(len(_NOTICED_AFTER), p=_NOTICED_AFTER))]
        yield from more
        yield from [_BACKSPACE] * (len(wrong) + len(more))
    yield _ENTER


def _typo(labels: list[int], i: int, rng: np.random.Generator) -> tuple[list[int], int]:
    """Draw a typo: the labels struck instead of labels[i:], and the number of labels that they replace."""
    here, following = labels[i], labels[i + 1 : i + 2]
    kind = rng.random()
    if kind < 0.10 and following and following != [here]:
        # Two keys are swapped.
        return [*following, here], 2
    if kind < 0.25 and following and following != [here]:
        # A key is left out.
        return following, 2
    if kind < 0.30 and i and labels[i - 1] != here:
        # The key before is struck twice.
        return [labels[i - 1]], 0
    # Fingers seldom stray up to the digits.
    near = [key for key in neighbours(here) if not KEYS[key].isdigit()]
    if kind < 0.75 and near:
        return [int(rng.choice(near))], 1
    # The typist thought of another letter.
    other = int(rng.integers(26))
    return ([other], 1) if other != here else ([], 0)


def _interval(previous: int, label: int, typist: Typist, rng: np.random.Generator) -> float:
    """Draw the seconds from one press to the next."""
    transition = _transition(previous, label, typist)
    if transition is _SAME_HAND and rng.random() < typist.roll:
        transition = _ROLL
    return max(_draw_interval(*transition, typist, rng), _FASTEST_REPEAT_S if label == previous else _FASTEST_S)


def _transition(previous: int, label: int, typist: Typist) -> tuple[float, float]:
    if label == _BACKSPACE:
        return _REPEATED_BACKSPACE if previous == _BACKSPACE else _INTO_BACKSPACE
    if special := _AFTER.get(previous) or _INTO.get(label):
        return special
    if label == previous:
        return _DOUBLE
    before, after = typist.strikes[previous], typist.strikes[label]
    if before.hand != after.hand:
        return _ALTERNATING
    return _SAME_FINGER if before.finger == after.finger else _SAME_HAND


def _draw_interval(median: float, scatter: float, typist: Typist, rng: np.random.Generator) -> float:
    """Draw seconds: log-normal about this person's median, now and then with a hesitation added."""
    # An interval that is longer than a movement is spent on thinking, which differs less between people.
    pace = typist.pace if median < 0.3 else typist.pace**0.5
    seconds = median * pace * float(np.exp(rng.normal(0, scatter * typist.spread)))
    return seconds + float(rng.exponential(0.45)) if rng.random() < typist.hesitation else seconds


def _limit_holds(keystrokes: list[Keystroke], typist: Typist) -> list[Keystroke]:
    """Shorten presses so that a finger leaves its key before it strikes again, on the same key or another."""
    next_presses: dict[object, float] = {}
    limited = []
    for k in reversed(keystrokes):
        label = k.label
        # The little finger that holds ⇧ depends on the shifted key, and stays down until that key is struck.
        finger = (
            k.key if label is None or label == _SHIFT else (typist.strikes[label].hand, typist.strikes[label].finger)
        )
        next_press = next_presses.get(finger)
        if next_press is not None and k.end >= next_press:
            share = 0.9 if label == _SHIFT else 0.7
            limited.append(Keystroke(k.key, k.start, k.start + share * (next_press - k.start)))
        else:
            limited.append(k)
        next_presses[finger] = k.start
    return limited[::-1]
