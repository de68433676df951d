"""The reports of one wearer, with fakes of all that is outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from emgtype.live.notices import Notices
from emgtype.live.outputs import Outputs
from emgtype.live.wearer import Wearer
from messages.signal import Chunk
from tests.emgtype.live.fakes import FakeGroup, FakeSource, LoggingPipeline, chunk, fake_lines


@dataclass
class FakePublisher:
    """Publishes nothing; asks for the figures of the status only while somebody subscribes to it."""

    subscribed: bool = True
    overflows: int = 0
    calls: list[str] = field(default_factory=list)

    def heartbeat(self) -> None:
        self.calls.append("heartbeat")

    def status(self, figures: Callable[[], Mapping[str, Any]]) -> None:
        self.calls.append(f"status {figures()['state']}" if self.subscribed else "status")

    def sentence(self, sentence: str) -> None:
        self.calls.append(f"sentence {sentence}")


@dataclass
class Parts:
    """Every optional output of a wearer in one; keeps the calls."""

    calls: list[str] = field(default_factory=list)
    dropped: int = 3
    read: list[str] = field(default_factory=list)

    def push(self, chunk: Chunk) -> None:
        self.calls.append(f"watch {len(chunk.times)}")

    def append(self, chunk: Chunk) -> None:
        self.calls.append(f"record {len(chunk.times)}")

    def disarm(self) -> None:
        self.calls.append("disarm")

    def finish(self) -> None:
        self.calls.append("end the sentence")

    def poll(self) -> list[str]:
        read, self.read = self.read, []
        return read

    def status(self) -> dict[str, Any]:
        return {"part": "well"}


class FakeSignal(Parts):
    def status(self) -> dict[str, Any]:
        return {"signal": []}


@dataclass
class FakeMetrics:
    statuses: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def update(self, person: str, status: Mapping[str, Any]) -> None:
        self.statuses[person] = status


@pytest.fixture
def wearer(monkeypatch: pytest.MonkeyPatch) -> Wearer:
    (line,) = fake_lines(FakeGroup([LoggingPipeline()]), ["ann"])
    monkeypatch.setattr("emgtype.live.line.Line.frame_s", 0.008)
    return Wearer("ann", FakeSource(), [line], cast(Any, None))


def outputs(log: list[str] | None = None, **parts: Any) -> Outputs:
    publisher, nowhere = FakePublisher(), cast(Any, None)
    signal = cast(Any, FakeSignal())
    return Outputs(cast(Any, publisher), nowhere, signal, Notices("ann"), (log or []).append, **parts)


def test_the_status_has_the_fields_of_the_protocol_in_their_order(wearer: Wearer) -> None:
    least = outputs().status(wearer)
    assert list(least) == [
        *("state", "samples", "bundle", "profile", "signal", "gaps", "masked", "rejected", "stalls", "overflows"),
        *("lost", "stages_ms", "problems"),
    ]
    assert (least["state"], least["bundle"], least["lost"]) == ("decoding", "fake", 0)
    parts = cast(Any, Parts())
    all_fields = outputs(injector=parts, recording=parts, sentences=parts).status(wearer)
    assert set(all_fields) - set(least) == {"keys", "recording", "sentences_dropped"}
    assert (all_fields["keys"], all_fields["sentences_dropped"]) == ({"part": "well"}, 3)


def test_samples_are_recorded_before_they_are_decoded_and_watched_after_that() -> None:
    recording = Parts()
    out = outputs(recording=cast(Any, recording))
    signal = cast(Parts, out.signal)
    out.before_decoding(chunk(7))
    assert (recording.calls, signal.calls) == (["record 7"], [])
    out.after_decoding(chunk(7))
    assert (recording.calls, signal.calls) == (["record 7"], ["watch 7"])


def test_a_pause_disarms_the_injector_and_final_text_ends_the_sentence() -> None:
    injector, sentences = Parts(), Parts(read=["one", "two"])
    out = outputs(injector=cast(Any, injector), sentences=cast(Any, sentences))
    out.before_pause()
    out.finished()
    assert (injector.calls, sentences.calls) == (["disarm"], ["end the sentence"])
    out.publish_sentences()
    out.publish_sentences()
    assert cast(Any, out.publisher).calls == ["sentence one", "sentence two"]


def test_nothing_happens_to_outputs_that_are_not_there() -> None:
    out = outputs()
    out.before_decoding(chunk(7))
    out.before_pause()
    out.finished()
    out.publish_sentences()
    assert cast(Any, out.publisher).calls == []


def test_a_heartbeat_publishes_logs_and_serves_the_figures(wearer: Wearer) -> None:
    log, metrics = list[str](), FakeMetrics()
    out = outputs(metrics=cast(Any, metrics))
    out.log = log.append
    cast(Any, wearer.line.pipeline).gaps = 1
    wearer.paused = True
    out.heartbeat(wearer)
    out.heartbeat(wearer)
    assert cast(Any, out.publisher).calls == ["heartbeat", "status paused"] * 2
    assert len(log) == 1  # the same gap is not logged again
    assert "longer than 200 ms (1 times)" in log[0]
    assert metrics.statuses["ann"]["gaps"] == 1
