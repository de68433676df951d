from emgtype.live.line import Line
from messages.text import TextEvent
from tests.emgtype.live.fakes import EventLog, FakeGroup, LoggingPipeline, LoggingRecorder, chunk, fake_lines


def one_line() -> tuple[Line, LoggingPipeline, EventLog, LoggingRecorder]:
    pipeline, events, recorder = LoggingPipeline(), EventLog(), LoggingRecorder()
    (line,) = fake_lines(FakeGroup([pipeline]), ["ann"])
    line.sinks.append(events)
    line.recorder = recorder
    return line, pipeline, events, recorder


def test_events_are_numbered_by_the_line_in_every_sink() -> None:
    line, _, events, _ = one_line()
    other = EventLog()
    line.sinks.append(other)
    for _ in range(3):
        line.pass_on([TextEvent(0, (), 0, 0.0, 7), TextEvent(0, (), 0, 0.0, 7)])
    assert events.seqs == other.seqs == [0, 1, 2, 3, 4, 5]


def test_a_group_records_the_samples_of_each_line_and_decodes_them_in_one_call() -> None:
    group = FakeGroup([LoggingPipeline() for _ in range(3)])
    lines = fake_lines(group, "abc")
    recorder = lines[2].recorder = LoggingRecorder()
    results = lines[0].group.push({lines[2]: chunk(5), lines[0]: chunk(7)})
    assert group.calls == [(2, 0)]
    assert set(results) == {lines[0], lines[2]}
    assert [pipeline.log for pipeline in group.pipelines] == [["push 7"], [], ["push 5"]]
    assert recorder.calls == ["record 5"]


def test_a_line_is_recorded_before_it_finishes_and_before_it_is_reset() -> None:
    line, pipeline, events, recorder = one_line()
    line.finish("stall")
    line.reset()
    assert recorder.calls == ["finish stall", "reset"]
    assert pipeline.log == ["finish", "reset"]
    assert events.seqs == [0]


def test_the_idle_share_is_reported_where_there_is_a_gate() -> None:
    line, pipeline, _, _ = one_line()
    assert "idle" not in line.figures()

    class Gate:
        closed_frames, frames = 30, 120

    pipeline.gate = Gate()
    assert line.figures()["idle"] == 0.25


def test_a_successor_counts_on_from_several_predecessors() -> None:
    line, pipeline, events, recorder = one_line()
    pipeline.gaps, pipeline.masked = 1, 20
    for _ in range(2):
        successor_pipeline = LoggingPipeline()
        successor_pipeline.gaps = 2
        (successor,) = fake_lines(FakeGroup([successor_pipeline]), ["ann"])
        successor.take_over(line)
        line = successor
    assert line.figures() == {"gaps": 5, "masked": 20, "rejected": 0}
    assert events.seqs == [0, 1]  # the last events of two predecessors
    assert recorder.calls == ["exchange ann LoggingPipeline"] * 2
