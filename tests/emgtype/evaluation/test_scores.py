from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoder.metrics import CharacterErrors
from emgtype.evaluation.decoding import Decoded
from emgtype.evaluation.pictures import _KEYCAPS, keycap_scores
from emgtype.evaluation.scores import HANDS, Result, SessionScore, score
from emgtype.evaluation.trials import Trial
from emgtype.evaluation.tuning import Tuning
from messages.charset import KEYS, LABELS, labels_to_text
from simulator.keyboard import unshifted_key

KEYSTRINGS = st.lists(st.integers(0, len(KEYS) - 1), max_size=30).map(labels_to_text)
SESSIONS = st.lists(
    st.tuples(st.sampled_from(["00000001", "00000002"]), KEYSTRINGS, KEYSTRINGS), min_size=1, max_size=5
)


def scored(tmp_name: str, user: str, truth: str, read: str, minutes: float = 1.0) -> SessionScore:
    decoded = Decoded(user, minutes, truth, None, {"greedy": read})
    return score(Trial(user, Path(f"{tmp_name}.hdf5")), decoded, "greedy")


def test_mean_over_users_has_the_population_deviation_and_users_are_micro_averages() -> None:
    result = Result(
        (
            scored("a", "00000001", "abcdefghij", "abcdefghij"),  # 0 of 10
            scored("b", "00000001", "ab", "xx"),  # 2 of 2: with the other 2 of 12
            scored("c", "00000002", "abcd", "abxx"),  # 2 of 4
        )
    )
    rates = [100 * 2 / 12, 50.0]
    assert [errors.cer for errors in result.users.values()] == pytest.approx(rates)
    mean, spread = result.mean_and_sd
    assert mean == pytest.approx(np.mean(rates))
    assert spread == pytest.approx(abs(rates[0] - rates[1]) / 2)  # of two values, divided by n and not by n - 1
    assert result.errors == CharacterErrors(0, 0, 4, 16)


@given(SESSIONS)
def test_users_sessions_hands_and_keys_sum_to_the_whole(sessions: list[tuple[str, str, str]]) -> None:
    result = Result(tuple(scored(str(i), *session) for i, session in enumerate(sessions)))
    whole = sum((s.errors for s in result.sessions), CharacterErrors())
    assert result.errors == whole
    assert sum(result.users.values(), CharacterErrors()) == whole
    assert sum(result.hands.values(), CharacterErrors()) == whole
    caps = keycap_scores(result)
    assert sum(cap.typed for cap in caps.values()) == whole.target
    assert sum(cap.right for cap in caps.values()) == whole.target - whole.deletions - whole.substitutions


def test_an_error_counts_with_the_hand_that_typed_or_where_a_key_came_from_nothing() -> None:
    hands = Result((scored("s", "00000001", "aj j", "jj  "),)).hands
    assert list(hands) == list(HANDS)
    assert hands["left"].substitutions == 1  # a read as j
    one = Result((scored("s", "00000001", "a", "aj"),)).hands
    assert (one["left"].errors, one["right"].insertions, one["right"].target) == (0, 1, 0)


def test_words_per_minute_are_of_the_text_that_stood_in_the_end() -> None:
    result = Result((scored("s", "00000001", "hellp⌫oworld", "helloworxd", minutes=0.5),))
    typed, right = result.words_per_minute
    assert typed == pytest.approx(10 / 5 / 0.5)
    assert right == pytest.approx(9 / 5 / 0.5)


def test_every_key_has_its_cap() -> None:
    assert {unshifted_key(label) for label in LABELS.values()} == set(_KEYCAPS)


def test_the_best_of_a_grid_is_its_lowest_and_an_edge_is_told() -> None:
    points = {(w, b): CharacterErrors(substitutions=9, target=10) for w in (0.1, 0.5, 0.9) for b in (0.0, 1.0, 2.0)}
    middle = Tuning({**points, (0.5, 1.0): CharacterErrors(substitutions=1, target=10)}, ("s",))
    assert middle.best == (0.5, 1.0)
    assert not middle.at_the_edge
    edge = Tuning({**points, (0.9, 1.0): CharacterErrors(target=10)}, ("s",))
    assert edge.best == (0.9, 1.0)
    assert edge.at_the_edge
    assert Tuning(points, ("s",)).best == (0.1, 0.0)
