"""The typist: the presses type the prompts, fingers can make them, and their statistics are those of real typing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgtype.texts import load_text
from messages.charset import BACKSPACE, ENTER, LABELS, label_to_key_name, labels_to_text
from messages.typed import ON_KEYBOARD, Keystroke, prompt_labels, truth_labels
from simulator.keyboard import strike
from simulator.text import prompts
from simulator.typist import LABEL_CLOCK, Typist, keyboard_log, random_typist, type_prompts

BACK, RETURN = label_to_key_name(LABELS[BACKSPACE]), label_to_key_name(LABELS[ENTER])
TEXTS = st.lists(st.text("abcdefgHIJ .,'!?12", min_size=1, max_size=25).filter(str.strip), min_size=1, max_size=4)
TRAIN = load_text("train")
NO_TYPOS = Typist(typo=0.0)


def typed_by(seed: int, texts: list[str], typist: Typist | None = None) -> list[Keystroke]:
    rng = np.random.default_rng(seed)
    return type_prompts(texts, typist or random_typist(rng), rng, 100.0)[0]


def on_screen(keystrokes: list[Keystroke]) -> list[str]:
    """Return the lines that the presses type."""
    lines = [""]
    for k in keystrokes:
        if k.key == BACK:
            lines[-1] = lines[-1][:-1]
        elif k.key == RETURN:
            lines.append("")
        elif k.key != "Key.shift":
            lines[-1] += " " if k.key == "Key.space" else k.key
    return lines[:-1]


@given(TEXTS, st.integers(0, 9999))
def test_without_typos_the_text_itself_is_typed(texts: list[str], seed: int) -> None:
    assert on_screen(typed_by(seed, texts, NO_TYPOS)) == [text.strip() for text in texts]


def test_most_typos_are_taken_back() -> None:
    texts = ["it was a dark and stormy night"] * 300
    typed = typed_by(1, texts, Typist(typo=0.05))
    right = np.mean([line == texts[0] for line in on_screen(typed)])
    assert sum(k.key == BACK for k in typed) > 300
    assert 0.7 < right < 0.95  # without ⌫, 1.4 typos a line would leave 24 % right


@settings(max_examples=200)
@given(TEXTS, st.integers(0, 9999))
def test_no_finger_holds_two_keys(texts: list[str], seed: int) -> None:
    typed = typed_by(seed, texts)
    assert all(a.start < b.start for a, b in itertools.pairwise(typed))
    for log in (typed, keyboard_log(typed)):
        released: dict[object, float] = {}
        for k in log:
            assert k.start < k.end
            assert k.start >= released.get(k.key, 0.0), "pressed again while down"
            released[k.key] = k.end
            if k.label is not None and k.key != "Key.shift":
                finger = strike(k.label).hand, strike(k.label).finger
                assert k.start >= released.get(finger, 0.0), "one finger on two keys"
                released[finger] = k.end


@given(st.integers(0, 9999))
def test_shift_comes_first_and_stays_down_until_its_key(seed: int) -> None:
    typed = typed_by(seed, ["ABba!"], NO_TYPOS)
    assert [k.key for k in typed] == ["Key.shift", "A", "Key.shift", "B", "b", "a", "Key.shift", "!", "Key.enter"]
    for shift, key in itertools.pairwise(typed):
        if shift.key == "Key.shift":
            assert shift.start < key.start <= shift.end


@given(TEXTS, st.integers(0, 9999))
def test_prompts_and_presses_agree(texts: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    typed, finished = type_prompts(texts, NO_TYPOS, rng, 5.0)
    assert [p.text for p in finished] == texts
    assert finished[0].start == 5.0
    assert all(a.end == b.start for a, b in itertools.pairwise(finished))
    for p in finished:
        labels = truth_labels(ON_KEYBOARD, typed, [], p.start, p.end)
        assert labels_to_text(labels).replace("⇧", "") == labels_to_text(prompt_labels(p.text))


def test_typing_ends_in_time_and_between_prompts() -> None:
    rng = np.random.default_rng(2)
    typed, finished = type_prompts(["the whale"] * 100, NO_TYPOS, rng, 10.0, 40.0)
    assert 5 < len(finished) < 30
    assert typed[-1].key == RETURN
    assert max(k.end for k in typed) <= 40.0
    assert sum(k.key == RETURN for k in typed) == len(finished)


def test_the_same_seed_gives_the_same_presses() -> None:
    assert typed_by(7, ["call me ishmael"]) == typed_by(7, ["call me ishmael"]) != typed_by(8, ["call me ishmael"])


@given(TEXTS, st.integers(0, 9999))
def test_a_keyboard_reports_at_the_next_tick(texts: list[str], seed: int) -> None:
    typed = typed_by(seed, texts)
    for true, log in zip(typed, keyboard_log(typed), strict=True):
        assert log.key == true.key
        assert -1e-9 < log.start - true.start < LABEL_CLOCK
        assert log.start / LABEL_CLOCK == pytest.approx(round(log.start / LABEL_CLOCK), abs=1e-6)
        assert log.end - log.start >= LABEL_CLOCK - 1e-9


def test_people_differ_as_real_ones_do() -> None:
    """Over a session real people type 93 / 263 / 464 keys a minute (slowest, median, fastest)."""
    rates = []
    for seed in range(60):
        rng = np.random.default_rng([seed, 1])
        typed, finished = type_prompts(prompts(TRAIN[seed:], seed), random_typist(rng), rng, 0.0, 120.0)
        rates.append(60 * len(typed) / finished[-1].end)
    assert 80 < min(rates) < 190
    assert 230 < np.median(rates) < 300
    assert 340 < max(rates) < 520


def test_the_statistics_are_those_of_real_typing() -> None:
    """Figures are of all 5.26 million presses of emg2qwerty, with tolerances for the habits of a few people."""
    intervals: dict[str, list[float]] = {
        kind: [] for kind in ("same", "other", "double", "back", "first back", "enter")
    }
    holds, overlaps, keys = [], [], []
    for seed in range(60):
        rng = np.random.default_rng([seed, 2])
        typed = keyboard_log(type_prompts(prompts(TRAIN[seed:], seed), random_typist(rng), rng, 0.0, 240.0)[0])
        for a, b in itertools.pairwise(typed):
            holds.append(a.end - a.start)
            overlaps.append(a.end > b.start)
            keys.append(a.key)
            interval = b.start - a.start
            if b.key == BACK:
                intervals["back"].append(interval)
                if a.key != BACK:
                    intervals["first back"].append(interval)
            elif a.key == RETURN:
                intervals["enter"].append(interval)
            elif a.key.islower() and b.key.islower():
                hands = [strike(k.label).hand for k in (a, b) if k.label is not None]
                intervals["double" if a.key == b.key else "same" if hands[0] == hands[1] else "other"].append(interval)
    median = {kind: 1000 * float(np.median(values)) for kind, values in intervals.items()}
    assert median["same"] == pytest.approx(165, abs=31)  # two steps of the label clock: these people roll more
    assert median["other"] == pytest.approx(134, abs=16)
    assert median["double"] == pytest.approx(150, abs=16)
    assert median["first back"] == pytest.approx(555, abs=60)
    assert median["enter"] == pytest.approx(800, abs=80)
    assert 1000 * np.percentile(holds, [5, 50, 95]) == pytest.approx([60, 91, 165], abs=16)
    assert np.mean(overlaps) == pytest.approx(0.21, abs=0.04)  # over all; 0.17 in the 47 sessions with key logs
    assert np.mean([key == BACK for key in keys]) == pytest.approx(0.043, abs=0.01)
    assert np.mean(np.array(intervals["first back"]) < 0.16) < 0.01
