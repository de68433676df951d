import pytest

from emgtype.live.wearer import Wearer
from messages.errors import InputError
from tests.emgtype.live.fakes import FakeGroup, FakeListener, FakeSource, LoggingPipeline, fake_lines


def wearer_with(lines: int) -> tuple[Wearer, list[LoggingPipeline], FakeListener]:
    pipelines, listener = [LoggingPipeline() for _ in range(lines)], FakeListener()
    group_of_each = [FakeGroup([pipeline]) for pipeline in pipelines]
    return (
        Wearer("ann", FakeSource(), [fake_lines(group, ["ann"])[0] for group in group_of_each], listener),
        pipelines,
        listener,
    )


class EarlySink:
    """A sink that gets events only before the listener is notified."""

    def __init__(self, listener: FakeListener) -> None:
        self._listener = listener

    def push(self, _event: object) -> None:
        assert self._listener.calls == []


def test_all_lines_finish_before_the_listener_is_notified_once() -> None:
    wearer, pipelines, listener = wearer_with(3)
    for line in wearer.lines:
        line.sinks.append(EarlySink(listener))
    wearer.finish("end")
    assert [pipeline.log for pipeline in pipelines] == [["finish"]] * 3
    assert listener.calls == ["finished"]
    assert wearer.line is wearer.lines[0]


def test_a_reset_reaches_all_lines() -> None:
    wearer, pipelines, _ = wearer_with(2)
    wearer.finish("reset")
    wearer.reset()
    assert [pipeline.log for pipeline in pipelines] == [["finish", "reset"]] * 2


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "decoding"),
        ({"stalling": True}, "stalling"),
        ({"stalling": True, "stalled": True}, "stalled"),
        ({"stalled": True, "paused": True}, "paused"),
        ({"paused": True, "gone": InputError("no stream")}, "gone"),
    ],
)
def test_the_state_is_the_one_that_explains_the_others(changes: dict[str, object], state: str) -> None:
    wearer, _, _ = wearer_with(1)
    for name, value in changes.items():
        setattr(wearer, name, value)
    assert wearer.state == state
