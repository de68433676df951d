from emgtype.live.happenings import Happenings


def test_what_has_grown_is_told_by_how_much() -> None:
    happenings = Happenings()
    assert happenings.push({"gaps": 0, "masked": 0, "lost": None}, []) == []
    gap, masked = happenings.push({"gaps": 1, "masked": 12}, [])
    assert "longer than 200 ms (1 times)" in gap
    assert "12 frames" in masked
    assert happenings.push({"gaps": 1, "masked": 15}, []) == [masked.replace("12", "3")]


def test_a_problem_is_told_once_and_when_it_is_over() -> None:
    happenings = Happenings()
    assert happenings.push({}, ["right comes 70 ms late"]) == ["right comes 70 ms late"]
    assert happenings.push({}, ["right comes 71.5 ms late"]) == []
    assert happenings.push({}, []) == ["no longer: right comes 71.5 ms late"]
    assert happenings.push({}, ["right comes 90 ms late"]) == ["right comes 90 ms late"]
