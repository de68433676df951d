"""Text to key presses as people type: uneven intervals, rollover, typos noticed late and taken back.

Calibrated on the key logs of emg2qwerty (Sivakumar et al. 2024; 5.26 M presses): intervals near log-normal with a slow
tail, shorter between hands than within one; holds of 60/91/165 ms (5/50/95th percentile); 21 % of presses before the
release of the previous key; 4.3 % backspaces, the first of them 555 ms (median) after the typo.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from decoder.charset import BACKSPACE, ENTER, LABELS, SHIFT, label_to_key_name, text_to_labels
from decoder.truth import Keystroke, Prompt
from simulator.keyboard import needs_shift, neighbours, strike

_BACKSPACE, _ENTER, _SHIFT = LABELS[BACKSPACE], LABELS[ENTER], LABELS[SHIFT]
LABEL_CLOCK = 0.015
"""Seconds: keyboards report a press at the next tick of their own clock."""


@dataclass(frozen=True, slots=True)
class Typist:
    """A person's typing habits."""

    pace: float = 1.0
    """Intervals relative to the population's."""
    spread: float = 0.42
    """Standard deviation of the log of an interval within its kind of transition."""
    hesitation: float = 0.05
    """Share of keys before which the typist pauses."""
    typo: float = 0.030
    """Share of keys that come out wrong."""
    hold: float = 0.091
    """Seconds: median time that a key is held."""


def random_typist(rng: np.random.Generator) -> Typist:
    """Draw a person's habits: the slowest type 93 keys a minute, the fastest 460."""
    return Typist(
        pace=float(np.clip(np.exp(rng.normal(0, 0.25)), 0.6, 2.5)),
        spread=float(np.clip(rng.normal(0.42, 0.05), 0.3, 0.6)),
        hesitation=float(rng.uniform(0.03, 0.08)),
        typo=float(np.clip(np.exp(rng.normal(np.log(0.028), 0.4)), 0.008, 0.06)),
        hold=float(np.exp(rng.normal(np.log(0.091), 0.15))),
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
        typed = list(_presses(text, typist, rng, time + 0.8 * float(np.exp(rng.normal(0, 0.4)))))
        done = typed[-1].end
        if done > end:
            break
        keystrokes += typed
        shown.append(Prompt(text, time, done))
        time = typed[-1].start
    return _released_in_time(keystrokes), shown


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
        hold = typist.hold * float(np.exp(rng.normal(0, 0.30)))
        if needs_shift(label):
            lead = float(rng.uniform(0.05, 0.14))
            yield Keystroke(label_to_key_name(_SHIFT), time, time + lead + 0.8 * hold)
            time += lead
        yield Keystroke(label_to_key_name(label), time, time + hold)
        previous = label


def _with_typos(labels: list[int], typist: Typist, rng: np.random.Generator) -> Iterator[int]:
    """The keys really struck: now and then a neighbour, a swap or a double, noticed after up to three keys, and taken back."""
    i = 0
    while i < len(labels):
        wrong = _typo(labels, i, rng) if rng.random() < typist.typo else None
        if wrong is None:
            yield labels[i]
            i += 1
            continue
        more = labels[i + len(wrong) :][: int(rng.choice(4, p=[0.55, 0.25, 0.13, 0.07]))]
        yield from (*wrong, *more)
        yield from [_BACKSPACE] * (len(wrong) + len(more))
    yield _ENTER


def _typo(labels: list[int], i: int, rng: np.random.Generator) -> tuple[int, ...] | None:
    kind = rng.random()
    if kind < 0.2 and i + 1 < len(labels) and labels[i] != labels[i + 1]:
        return labels[i + 1], labels[i]
    if kind < 0.3:
        return labels[i], labels[i]
    near = neighbours(labels[i])
    return (int(rng.choice(near)),) if near else None


def _interval(previous: int, label: int, typist: Typist, rng: np.random.Generator) -> float:
    """Seconds from one press to the next."""
    if label == _BACKSPACE and previous != _BACKSPACE:
        return 0.42 * typist.pace**0.5 * float(np.exp(rng.normal(0, 0.45)))  # noticing takes its time
    if label == previous:
        median = 0.150
    else:
        median = 0.164 if strike(previous).hand == strike(label).hand else 0.133
    interval = median * typist.pace * float(np.exp(rng.normal(0, typist.spread)))
    if rng.random() < typist.hesitation:
        interval += float(rng.exponential(0.35))
    return max(interval, 0.025)


def _released_in_time(keystrokes: list[Keystroke]) -> list[Keystroke]:
    """A key is up before it is pressed again."""
    pressed: dict[str, float] = {}
    result = []
    for k in reversed(keystrokes):
        again = pressed.get(k.key)
        result.append(k if again is None or k.end < again else Keystroke(k.key, k.start, 0.35 * k.start + 0.65 * again))
        pressed[k.key] = k.start
    return result[::-1]
