"""What was skipped is told in one line, with the way to have it."""

from tests.groups import not_run


def test_each_group_is_told_once_with_its_count_and_its_way() -> None:
    line = not_run(
        [
            "Skipped: could not import 'ray': No module named 'ray'",
            "Skipped: lmplz is not built (scripts/build_lmplz.sh)",
            "Skipped: lmplz is not built (scripts/build_lmplz.sh)",
            "Skipped: no /dev/uinput that can be written to",
        ],
        long=3,
    )
    assert line == (
        "not run: 2 lmplz (scripts/build_lmplz.sh); 1 ray (make test-peers); "
        "1 uinput (a machine with that device: modprobe uinput, as root); 3 long (make test-long)"
    )


def test_an_unknown_reason_is_told_too() -> None:
    assert not_run(["Skipped: the moon is full"], long=0) == "not run: 1 other (pytest -rs tells the reasons)"


def test_nothing_is_said_when_every_test_was_run() -> None:
    assert not_run([], long=0) == ""
