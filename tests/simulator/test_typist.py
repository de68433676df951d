import itertools

import numpy as np
import pytest

from decoder.charset import LABELS, key_name_to_label
from decoder.render import render
from decoder.truth import Keystroke
from simulator.keyboard import neighbours, strike
from simulator.text import prompts, split
from simulator.typist import LABEL_CLOCK, Typist, random_typist, recorded, type_prompts

TEXTS = ["it was the best of times", "it was the worst of times", "call me ishmael some years ago"] * 40


@pytest.fixture(scope="module")
def presses() -> list[Keystroke]:
    rng = np.random.default_rng(3)
    return [k for _ in range(12) for k in type_prompts(TEXTS, random_typist(rng), rng, 0.0)[0]]


def test_corrected_text_is_what_was_to_be_typed() -> None:
    keystrokes, shown = type_prompts(TEXTS[:6], Typist(typo=0.1), np.random.default_rng(1), 0.0)
    labels = [label for k in keystrokes if (label := key_name_to_label(k.key)) is not None]
    assert any(k.key == "Key.backspace" for k in keystrokes)
    assert render(labels) == "".join(f"{text}\n" for text in TEXTS[:6])
    assert [p.text for p in shown] == TEXTS[:6]


def test_capitals_come_with_shift_and_as_themselves() -> None:
    keystrokes, _ = type_prompts(["Ah"], Typist(typo=0), np.random.default_rng(1), 0.0)
    assert [k.key for k in keystrokes] == ["Key.shift", "A", "h", "Key.enter"]
    assert keystrokes[0].start < keystrokes[1].start < keystrokes[0].end


def test_presses_come_in_order_and_a_key_is_up_before_it_is_pressed_again(presses: list[Keystroke]) -> None:
    one, _ = type_prompts(TEXTS, Typist(), np.random.default_rng(5), 0.0)
    assert all(a.start < b.start for a, b in itertools.pairwise(one))
    released: dict[str, float] = {}
    for k in one:
        assert released.get(k.key, -1.0) < k.start < k.end
        released[k.key] = k.end


def test_statistics_are_those_of_real_key_logs(presses: list[Keystroke]) -> None:
    starts, ends = np.array([k.start for k in presses]), np.array([k.end for k in presses])
    intervals = np.diff(starts)
    within = (intervals > 0) & (intervals < 5)  # a negative one lies between two people
    assert 0.12 < np.median(intervals[within]) < 0.19
    assert -2.1 < np.log(intervals[within]).mean() < -1.6
    assert 0.45 < np.log(intervals[within]).std() < 0.75
    assert np.percentile(ends - starts, [5, 50, 95]) == pytest.approx([0.060, 0.091, 0.165], rel=0.25)
    assert 0.12 < np.mean(starts[1:][within] < ends[:-1][within]) < 0.32
    assert 0.02 < np.mean([k.key == "Key.backspace" for k in presses]) < 0.07


def test_the_keyboard_reports_at_its_clock_never_early(presses: list[Keystroke]) -> None:
    for true, seen in zip(presses[:300], recorded(presses[:300]), strict=True):
        assert 0 <= seen.start - true.start <= LABEL_CLOCK + 1e-9
        assert abs(seen.start / LABEL_CLOCK - round(seen.start / LABEL_CLOCK)) < 1e-6
        assert seen.end > seen.start


def test_typing_stops_before_a_prompt_that_would_not_be_done() -> None:
    keystrokes, shown = type_prompts(TEXTS, Typist(), np.random.default_rng(2), 10.0, 30.0)
    assert keystrokes[0].start > 10
    assert keystrokes[-1].end <= 30
    assert 1 <= len(shown) < len(TEXTS)


def test_every_key_has_a_finger_and_mirrored_keys_mirror() -> None:
    strikes = {label: strike(label) for label in LABELS.values()}
    assert {s.finger for s in strikes.values()} == {0, 1, 2, 3, 4}
    for left, right in ("fj", "dk", "sl", "a;", "gh"):
        a, b = strikes[LABELS[left]], strikes[LABELS[right]]
        assert (a.hand, b.hand) == ("left", "right")
        assert (a.finger, a.row, a.reach) == (b.finger, b.row, b.reach)
    assert strikes[LABELS["Q"]] == strikes[LABELS["q"]]
    assert LABELS["f"] in neighbours(LABELS["g"])


def test_a_paragraph_never_changes_its_split() -> None:
    paragraphs = [f"paragraph {i} of some text" for i in range(3000)]
    parts = split(paragraphs)
    assert sorted(p for part in parts.values() for p in part) == sorted(paragraphs)
    assert [len(parts[name]) / 3000 for name in ("lm", "train", "test")] == pytest.approx([0.85, 0.10, 0.05], abs=0.02)
    longer = split(["another", *paragraphs, *paragraphs[:50]])
    assert all(set(parts[name]) <= set(longer[name]) for name in parts)
    assert not set(longer["test"]) & set(longer["lm"])


def test_prompts_are_short_mostly_lower_case_runs_of_the_text() -> None:
    paragraph = "Call me Ishmael. Some years ago; never mind how long precisely, having little money in my purse. " * 30
    cut = list(prompts([paragraph], seed=1))
    assert all(1 <= len(p.split()) <= 10 for p in cut)
    words = [w.strip(".,").lower() for p in cut for w in p.split()]
    assert words == [w.strip(".,;").lower() for w in paragraph.split()]
    assert np.mean([p == p.lower() for p in cut]) > 0.85
