"""The greedy decoder reads CTC paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoder.ctc.greedy import GreedyDecoder
from messages.charset import BLANK, CLASSES, KEYS, LABELS, labels_to_text, text_to_labels
from messages.emission import Emission


def path(text: str, probability: float = 0.9) -> Emission:
    """Return a frame per character, `_` the blank: its label has `probability`, the others share the rest."""
    probs = np.full((len(text), CLASSES), (1 - probability) / (CLASSES - 1))
    probs[np.arange(len(text)), [BLANK if c == "_" else LABELS[c] for c in text]] = probability
    return Emission(np.log(probs).astype(np.float32), np.arange(len(text), dtype=np.float64) * 0.008)


@pytest.mark.parametrize(
    ("frames", "text"),
    [("hh__eeell_loo", "hello"), ("____", ""), ("a_a", "aa"), ("aa", "a"), ("a⌫⌫_⌫⏎ ⇧", "a⌫⌫⏎ ⇧"), ("", "")],
)
def test_reads_a_path(frames: str, text: str) -> None:
    assert labels_to_text(key.label for key in GreedyDecoder().push(path(frames))) == text


def test_a_key_has_the_time_and_probability_of_its_first_frame() -> None:
    (key,) = GreedyDecoder().push(path("__aa_", 0.75))
    assert (key.label, key.time) == (LABELS["a"], 2 * 0.008)
    assert key.confidence == pytest.approx(0.75, rel=1e-6)


@given(labels=st.lists(st.sampled_from("ab_"), max_size=30), cuts=st.lists(st.integers(0, 30), max_size=6).map(sorted))
def test_any_cut_gives_the_same_keys(labels: list[str], cuts: list[int]) -> None:
    emission = path("".join(labels))
    greedy = GreedyDecoder()
    pieces = zip(np.split(emission.log_probs, cuts), np.split(emission.times, cuts), strict=True)
    assert [key for piece in pieces for key in greedy.push(Emission(*piece))] == GreedyDecoder().push(emission)


@given(labels=st.lists(st.sampled_from("ab_"), max_size=30), at=st.integers(0, 30))
def test_a_decoder_with_the_state_of_another_goes_on_as_it_would(labels: list[str], at: int) -> None:
    text = "".join(labels)
    greedy, fresh = GreedyDecoder(), GreedyDecoder()
    greedy.push(path(text[:at]))
    fresh.push(path("ba"))
    fresh.state = greedy.state
    assert fresh.push(path(text[at:])) == greedy.push(path(text[at:]))


def test_reset_forgets_the_previous_label() -> None:
    greedy = GreedyDecoder()
    greedy.push(path("a"))
    assert greedy.push(path("a")) == []
    greedy.reset()
    assert len(greedy.push(path("a"))) == 1


def test_character_set_fixtures() -> None:
    assert text_to_labels("\n\r\b\x08") == [95, 95, 94, 94]
    assert text_to_labels("’“”—") == [68, 63, 63, 74]
    assert (LABELS["A"], LABELS["!"], LABELS["~"], BLANK) == (26, 62, 93, 98)
    assert len(KEYS) == 98
