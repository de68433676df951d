"""Error rates: counts of edits, their sums, and the interval of a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoder.metrics import CharacterErrors, KeyScore, cer_difference, confusion, key_scores, segment_errors
from messages.charset import text_to_labels

LABELS = st.lists(st.integers(0, 3), max_size=12)


def between(decoded: str, truth: str) -> CharacterErrors:
    return CharacterErrors.between(text_to_labels(decoded), text_to_labels(truth))


@pytest.mark.parametrize(
    ("decoded", "truth", "expected"),
    [
        ("hello", "hello", CharacterErrors(0, 0, 0, 5)),
        ("helllo", "hello", CharacterErrors(1, 0, 0, 5)),
        ("hllo", "hello", CharacterErrors(0, 1, 0, 5)),
        ("hallo", "hello", CharacterErrors(0, 0, 1, 5)),
        # Every key counts.
        ("", "a ⏎⌫⇧", CharacterErrors(0, 5, 0, 5)),
        ("ab", "", CharacterErrors(2, 0, 0, 0)),
    ],
)
def test_counts_by_kind(decoded: str, truth: str, expected: CharacterErrors) -> None:
    assert between(decoded, truth) == expected


def test_cer_is_a_micro_average() -> None:
    both = between("", "a") + between("abcdefghi", "abcdefghi")
    assert both.cer == pytest.approx(10.0)
    assert np.isnan(CharacterErrors().cer)


@given(decoded=LABELS, truth=LABELS)
def test_errors_are_an_edit_distance(decoded: list[int], truth: list[int]) -> None:
    errors = CharacterErrors.between(decoded, truth)
    assert errors.insertions - errors.deletions == len(decoded) - len(truth)
    assert abs(len(decoded) - len(truth)) <= errors.errors <= max(len(decoded), len(truth))
    assert (errors.errors == 0) == (decoded == truth)
    assert errors.errors == CharacterErrors.between(truth, decoded).errors


@given(decoded=LABELS, truth=LABELS, cuts=st.lists(st.integers(0, 12), max_size=4))
def test_segments_sum_to_the_whole(decoded: list[int], truth: list[int], cuts: list[int]) -> None:
    ends = [*sorted(cut for cut in cuts if cut <= len(truth)), len(truth)]
    segments = segment_errors(decoded, truth, ends)
    assert [e.target for e in segments] == [b - a for a, b in zip([0, *ends], ends, strict=False)]
    assert sum(segments, CharacterErrors()) == CharacterErrors.between(decoded, truth)


def test_an_error_counts_where_it_was_typed() -> None:
    decoded, truth = text_to_labels("abxcdef!"), text_to_labels("abcdfg")
    assert [e.errors for e in segment_errors(decoded, truth, [2, 4, 6])] == [0, 1, 2]


def test_paired_interval_sees_a_constant_gain_and_no_gain_in_noise() -> None:
    rng = np.random.default_rng(3)
    worse = [CharacterErrors(substitutions=int(n) + 5, target=100) for n in rng.integers(0, 40, 60)]
    better = [CharacterErrors(substitutions=e.substitutions - 5, target=100) for e in worse]
    gain = cer_difference(better, worse)
    assert (gain.difference, gain.low, gain.high) == pytest.approx((-5, -5, -5))
    assert gain.excludes_zero
    shuffled = [worse[i] for i in rng.permutation(60)]
    assert not cer_difference(worse, shuffled).excludes_zero


def test_interval_has_the_width_of_the_normal_approximation() -> None:
    rng = np.random.default_rng(4)
    first = [CharacterErrors(substitutions=int(n), target=100) for n in rng.integers(0, 50, 400)]
    second = [CharacterErrors(target=100)] * 400
    interval = cer_difference(first, second)
    spread = 1.96 * np.std([e.errors for e in first]) / np.sqrt(400)
    assert interval.high - interval.low == pytest.approx(2 * spread, rel=0.05)


def test_unpaired_segments_are_refused() -> None:
    with pytest.raises(ValueError, match="same segments"):
        cer_difference([between("a", "a")], [between("a", "ab")])


def test_confusion_counts_what_was_decoded_for_each_key() -> None:
    a, b, c, d, none = range(5)
    # b is read as c, and nobody typed the d.
    counts = confusion([a, c, c, d], [a, b, c], 4)
    expected = np.zeros((5, 5), np.int64)
    expected[a, a] = expected[b, c] = expected[c, c] = expected[none, d] = 1
    assert (counts == expected).all()
    assert confusion([], [a, a], 4)[a, none] == 2
    scores = key_scores(counts)
    assert scores[c] == KeyScore(typed=1, decoded=2, right=1)
    assert (scores[c].precision, scores[c].recall, scores[c].f1) == pytest.approx((1 / 2, 1, 2 / 3))
    assert scores[b].f1 == 0
    assert np.isnan(scores[b].precision)
    assert np.isnan(scores[d].recall)


@given(decoded=LABELS, truth=LABELS)
def test_counts_by_key_sum_to_the_alignment(decoded: list[int], truth: list[int]) -> None:
    counts, whole = confusion(decoded, truth, 4), CharacterErrors.between(decoded, truth)
    assert CharacterErrors.of(counts) == whole
    scores = key_scores(counts)
    assert [s.typed for s in scores] == [truth.count(label) for label in range(4)]
    assert [s.decoded for s in scores] == [decoded.count(label) for label in range(4)]
    assert sum(s.right for s in scores) == len(truth) - whole.deletions - whole.substitutions
    half = np.array([True, False, True, False])
    assert CharacterErrors.of(counts, half) + CharacterErrors.of(counts, ~half) == whole
