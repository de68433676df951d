from emgtype.live.notices import Notices
from messages.notice import Notice, sentence


def late(milliseconds: float, side: str = "right") -> Notice:
    return Notice("late-band", side, {"behind_ms": milliseconds, "other": "other", "most_ms": 60})


def test_a_counter_that_has_grown_is_logged_with_its_difference() -> None:
    notices = Notices("ann")
    assert notices.update({"gaps": 0, "masked": 0, "lost": None}, [], 0.008) == []
    gap, masked = notices.update({"gaps": 1, "masked": 12}, [], 0.008)
    assert "longer than 200 ms (1 times)" in gap
    assert "12 frames of 8 ms were masked" in masked
    assert notices.update({"gaps": 1, "masked": 15}, [], 0.008) == [masked.replace("12", "3")]


def test_the_length_of_a_frame_is_that_of_the_model() -> None:
    (message,) = Notices("ann").update({"masked": 2}, [], 0.0125)
    assert "2 frames of 12.5 ms" in message


def test_a_counter_that_is_missing_for_a_while_counts_from_zero_again() -> None:
    notices = Notices("ann")
    assert len(notices.update({"repeated": 5}, [], 0.008)) == 1
    assert notices.update({}, [], 0.008) == []
    assert notices.update({"repeated": 2}, [], 0.008) == ["2 samples came twice or too late and were dropped"]


def test_a_problem_is_logged_once_and_when_it_is_over_with_its_newest_figures() -> None:
    notices = Notices("ann")
    assert notices.update({}, [late(70)], 0.008) == [sentence(late(70))]
    assert notices.update({}, [late(71.5)], 0.008) == []
    assert notices.update({}, [], 0.008) == [f"no longer: {sentence(late(71.5))}"]
    assert notices.update({}, [late(90)], 0.008) == [sentence(late(90))]


def test_problems_of_two_subjects_are_two_although_they_differ_in_a_number_alone() -> None:
    notices = Notices("ann")
    assert len(notices.update({}, [late(70, "band1"), late(70, "band2")], 0.008)) == 2
    assert notices.update({}, [late(80, "band2")], 0.008) == [f"no longer: {sentence(late(70, 'band1'))}"]


def test_values_may_hold_braces() -> None:
    assert sentence(Notice("gone", "ann", {"reason": "stream {x}"})).startswith("stream {x}; their text")
