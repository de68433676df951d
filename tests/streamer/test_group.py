import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Chunk
from messages.text import TextEvent
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.stream import OnnxEncoder
from streamer.group import PipelineGroup
from streamer.stages import NoDecoder
from tests.streamer.lines import pipeline_of

PEOPLE = 3
SAMPLES = 32 + 8 * 40 + 5


class Keeping(NoDecoder):
    """A decoder that keeps all emissions and where text was settled."""

    def __init__(self) -> None:
        super().__init__()
        self.emissions: list[Emission] = []
        self.settled: list[int] = []

    def push(self, emission: Emission) -> list[TextEvent]:
        self.emissions.append(emission)
        return []

    def finish(self) -> list[TextEvent]:
        self.settled.append(sum(len(emission.times) for emission in self.emissions))
        return []

    def reset(self) -> None:
        """Nothing: what was kept stays."""

    @property
    def log_probs(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.concatenate([emission.log_probs for emission in self.emissions])


def recording(facts: ModelFacts, person: int) -> Chunk:
    """Each person's own signal; the second person's has a gap of a second."""
    rng = np.random.default_rng(person)
    signal = rng.normal(0, 3.0 + 4 * person, (SAMPLES, facts.layout.bands, facts.layout.electrodes))
    times = 50 + np.arange(SAMPLES) / facts.layout.rate + (np.arange(SAMPLES) >= 150) * (person == 1)
    return Chunk(signal.astype(np.float32), times, facts.layout)


def split(chunk: Chunk, cuts: Sequence[int]) -> list[Chunk]:
    pieces = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, chunk.layout) for samples, times in pieces]


def together(batch: EncoderBatch) -> tuple[PipelineGroup, list[Keeping]]:
    decoders = [Keeping() for _ in range(PEOPLE)]
    encoders = [OnnxEncoder(batch, n) for n in range(PEOPLE)]
    pipelines = [
        pipeline_of(encoder, decoder, max_gap=0.2) for encoder, decoder in zip(encoders, decoders, strict=True)
    ]
    return PipelineGroup(pipelines, encoders), decoders


@pytest.fixture(scope="module")
def batch(small_onnx: Path) -> EncoderBatch:
    return EncoderBatch(str(small_onnx), streams=PEOPLE)


@pytest.fixture(scope="module")
def alone(small_onnx: Path) -> list[Keeping]:
    """What each person gets without the others."""
    encoder, decoders = OnnxEncoder.load(str(small_onnx)), []
    for person in range(PEOPLE):
        decoder = Keeping()
        pipeline = pipeline_of(encoder, decoder, max_gap=0.2)
        pipeline.push(recording(encoder.facts, person))
        pipeline.finish()
        decoders.append(decoder)
    return decoders


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_gets_what_they_get_alone_however_pieces_come(
    batch: EncoderBatch, alone: list[Keeping], data: st.DataObject
) -> None:
    group, decoders = together(batch)
    cuts = [data.draw(st.lists(st.integers(0, SAMPLES), max_size=8).map(sorted)) for _ in range(PEOPLE)]
    waiting = {n: split(recording(batch.facts, n), each) for n, each in enumerate(cuts)}
    while waiting := {n: pieces for n, pieces in waiting.items() if pieces}:
        who = data.draw(st.sets(st.sampled_from(sorted(waiting)), min_size=1))
        assert set(group.push({n: waiting[n].pop(0) for n in who})) == who
    for pipeline, found, expected in zip(group.pipelines, decoders, alone, strict=True):
        pipeline.finish()
        np.testing.assert_allclose(found.log_probs, expected.log_probs, rtol=0, atol=1e-5)
        assert found.settled == expected.settled


def test_one_who_is_reset_leaves_the_others_alone(batch: EncoderBatch, alone: list[Keeping]) -> None:
    group, decoders = together(batch)
    halves = [split(recording(batch.facts, n), [SAMPLES // 2]) for n in range(PEOPLE)]
    group.push({n: first for n, (first, _) in enumerate(halves)})
    group.pipelines[2].reset()
    group.push({n: second for n, (_, second) in enumerate(halves)})
    for n in (0, 1):
        group.pipelines[n].finish()
        np.testing.assert_allclose(decoders[n].log_probs, alone[n].log_probs, rtol=0, atol=1e-5)
    group.pipelines[2].finish()
    assert len(decoders[2].log_probs) < len(alone[2].log_probs)


def test_bad_samples_of_one_are_refused_and_the_others_go_on(batch: EncoderBatch, alone: list[Keeping]) -> None:
    group, decoders = together(batch)
    halves = [split(recording(batch.facts, n), [SAMPLES // 2]) for n in range(PEOPLE)]
    group.push({n: first for n, (first, _) in enumerate(halves)})
    second = {n: second for n, (_, second) in enumerate(halves)}
    spoilt = dataclasses.replace(second[1], layout=dataclasses.replace(batch.facts.layout, rate=1000.0))
    results = group.push({**second, 1: spoilt})
    assert isinstance(results.pop(1), InputError)
    assert results == {0: [], 2: []}
    group.push({1: second[1]})  # nothing of the spoilt ones was taken
    for n, pipeline in enumerate(group.pipelines):
        pipeline.finish()
        np.testing.assert_allclose(decoders[n].log_probs, alone[n].log_probs, rtol=0, atol=1e-5)


def test_pipelines_of_different_batches_are_no_group(batch: EncoderBatch, small_onnx: Path) -> None:
    strangers = [OnnxEncoder.load(str(small_onnx)) for _ in range(2)]
    with pytest.raises(ValueError, match="2 batches"):
        PipelineGroup([pipeline_of(encoder) for encoder in strangers], strangers)
    second = OnnxEncoder(batch, 1)
    with pytest.raises(ValueError, match=r"streams \[1\]"):
        PipelineGroup([pipeline_of(second)], [second])
    with pytest.raises(ValueError, match="not those of the pipelines"):
        PipelineGroup([pipeline_of(OnnxEncoder(batch, 0))], [OnnxEncoder(batch, 0)])
