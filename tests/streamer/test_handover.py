import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.model_facts import ModelFacts
from messages.signal import Chunk
from messages.text import Key, TextEvent
from streamer.encoder.stream import OnnxEncoder
from streamer.handover import hand_over
from streamer.pipeline import Pipeline
from streamer.stages import NoDecoder
from tests.streamer.lines import pipeline_of

SAMPLES = 1200
FRAME = 8
HISTORY = 0.15
"""Seconds: 300 samples, where the small model's receptive field is 104."""


class Copying(NoDecoder):
    """A decoder whose events are the emissions themselves, the arg-max of each frame as a final key."""

    def push(self, emission: Emission) -> list[TextEvent]:
        times, labels = emission.times.tolist(), emission.log_probs.argmax(-1).tolist()
        keys = tuple(Key(label, time, 1.0) for label, time in zip(labels, times, strict=True))
        return [TextEvent(0, keys, 0, times[-1], 0)]

    def finish(self) -> list[TextEvent]:
        return []

    def reset(self) -> None:
        pass


def pipeline(model: Path, delay: float | None = None, hop: int = 3) -> Pipeline:
    encoder = OnnxEncoder.load(str(model), hop)
    encoder.facts = dataclasses.replace(encoder.facts, emission_delay_ms=delay)
    return pipeline_of(encoder, Copying(), history=HISTORY)


def signal(facts: ModelFacts) -> Chunk:
    samples = np.random.default_rng(4).normal(0, 12, (SAMPLES, facts.layout.bands, facts.layout.electrodes))
    return Chunk(samples.astype(np.float32), 50 + np.arange(SAMPLES) / facts.layout.rate, facts.layout)


def part(chunk: Chunk, first: int, end: int | None = None) -> Chunk:
    return Chunk(chunk.samples[first:end], chunk.times[first:end], chunk.layout)


def keys(events: list[TextEvent]) -> list[tuple[float, int]]:
    return [(key.time, key.label) for event in events for key in event.insert]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(350, SAMPLES - 100), cuts=st.lists(st.integers(0, SAMPLES), max_size=6).map(sorted))
@pytest.mark.parametrize("hop", [1, 4])
def test_each_frame_is_read_once_as_each_model_alone_reads_it(
    small_onnx: Path, small_facts: ModelFacts, hop: int, at: int, cuts: list[int]
) -> None:
    whole = signal(small_facts)
    old, new = pipeline(small_onnx), pipeline(small_onnx, hop=hop)
    events: list[TextEvent] = []
    for first, end in zip([0, *(c for c in cuts if c < at)], [*(c for c in cuts if c < at), at], strict=True):
        events += old.push(part(whole, first, end))
    events += hand_over(old, new)
    events += new.push(part(whole, at))
    events += new.finish()

    alone = pipeline(small_onnx, hop=1)
    assert keys(events) == keys([*alone.push(whole), *alone.finish()])


@pytest.mark.parametrize(("delays", "frames"), [((80.0, 96.0), 4), ((96.0, 80.0), -4), ((None, 80.0), 0)])
def test_a_press_belongs_to_one_model_where_their_delays_differ(
    small_onnx: Path, small_facts: ModelFacts, delays: tuple[float | None, float], frames: int
) -> None:
    whole, at = signal(small_facts), 32 + 8 * 59  # 60 frames, whole hops
    old, new = pipeline(small_onnx, delays[0]), pipeline(small_onnx, delays[1])
    heard = keys(old.push(part(whole, 0, at)))
    events = keys(hand_over(old, new))
    assert heard[-1][0] == pytest.approx(whole.times[at - 1])  # the old one has read all that came to it

    told_at_once = max(0, -frames)
    first = events[-told_at_once:] if told_at_once else keys(new.push(part(whole, at)))
    assert first[0][0] == pytest.approx(whole.times[at - 1] + (frames + 1) * FRAME / small_facts.layout.rate)


def test_behind_a_gap_nothing_is_left_to_fill_the_context_with(small_onnx: Path, small_facts: ModelFacts) -> None:
    old, new = pipeline(small_onnx), pipeline(small_onnx)
    old.push(part(signal(small_facts), 0, 500))
    old.finish()
    assert hand_over(old, new) == []
    assert not len(new.recent().times)


def test_more_is_not_kept_than_was_said(small_onnx: Path, small_facts: ModelFacts) -> None:
    whole, kept = signal(small_facts), pipeline(small_onnx)
    for first in range(0, SAMPLES, 7):
        kept.push(part(whole, first, min(first + 7, SAMPLES)))
        recent = kept.recent()
        assert len(recent.times) <= round(HISTORY * small_facts.layout.rate) + 32 + 2 * FRAME
        np.testing.assert_array_equal(recent.times, whole.times[: first + 7][-len(recent.times) :])
        np.testing.assert_array_equal(recent.samples, whole.samples[: first + 7][-len(recent.times) :])
