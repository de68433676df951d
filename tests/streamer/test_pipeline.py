import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Chunk
from messages.text import Key, TextEvent
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.stft import Spectrogram
from streamer.pipeline import Pipeline
from streamer.stages import NoDecoder
from tests.streamer.lines import pipeline_of
from training.models.tds import TDSEncoder

SAMPLES = 32 + 8 * 60 + 5  # 61 frames, and a piece of one that never completes


class CheckingDecoder(NoDecoder):
    """A decoder that checks its caller: an event per push that carries the frames' arg-max, and one at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.newest = -np.inf

    def push(self, emission: Emission) -> list[TextEvent]:
        assert emission.log_probs.shape == (len(emission.times), 99)
        assert emission.log_probs.dtype == np.float32
        assert 0 < len(emission.times) <= 3
        assert (emission.times > self.newest).all()
        assert (np.diff(emission.times) > 0).all()
        self.newest = float(emission.times[-1])
        self.calls.append("push")
        pairs = zip(emission.log_probs.argmax(-1), emission.times, strict=True)
        return [TextEvent(0, tuple(Key(int(label), float(time), 1.0) for label, time in pairs), 1, self.newest, 0)]

    def finish(self) -> list[TextEvent]:
        self.calls.append("finish")
        return [TextEvent(0, (), 0, self.newest, 0)]

    def reset(self) -> None:
        self.newest = -np.inf
        self.calls.append("reset")


def recording(facts: ModelFacts, samples: int = SAMPLES) -> Chunk:
    rng = np.random.default_rng(2)
    signal = rng.normal(0, 12, (samples, facts.layout.bands, facts.layout.electrodes)).astype(np.float32)
    return Chunk(signal, 50 + np.arange(samples) / facts.layout.rate, facts.layout)


def split(chunk: Chunk, cuts: list[int]) -> list[Chunk]:
    pieces = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, chunk.layout) for samples, times in pieces]


def text(pipeline: Pipeline, chunks: list[Chunk]) -> list[TextEvent]:
    events = [event for chunk in chunks for event in pipeline.push(chunk)] + pipeline.finish()
    pipeline.reset()
    return events


@pytest.fixture(scope="module")
def encoder(small_onnx: Path) -> OnnxEncoder:
    return OnnxEncoder.load(str(small_onnx))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, SAMPLES), max_size=20).map(sorted))
def test_any_cut_gives_the_same_events(encoder: OnnxEncoder, cuts: list[int]) -> None:
    pipeline = pipeline_of(encoder, CheckingDecoder())
    chunk = recording(encoder.facts)
    assert text(pipeline, split(chunk, cuts)) == text(pipeline, [chunk])


def test_sample_by_sample(encoder: OnnxEncoder) -> None:
    pipeline = pipeline_of(encoder, CheckingDecoder())
    chunk = recording(encoder.facts)
    assert text(pipeline, split(chunk, list(range(1, SAMPLES)))) == text(pipeline, [chunk])


def test_emissions_are_those_of_the_offline_model(encoder: OnnxEncoder, small_model: TDSEncoder) -> None:
    tapped: list[Emission] = []
    chunk = recording(encoder.facts)
    text(pipeline_of(encoder, CheckingDecoder(), tap=tapped.append), [chunk])
    pushed = Spectrogram(encoder.facts.front_end, encoder.facts.layout).push(chunk)
    frames, times = pushed.values, pushed.times
    with torch.no_grad():
        expected = small_model(torch.from_numpy(frames)[None])[0].numpy()
    assert len(expected) == 61 - 9
    np.testing.assert_allclose(np.concatenate([e.log_probs for e in tapped]), expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(np.concatenate([e.times for e in tapped]), times[9:])


def test_no_sample_waits_that_completes_a_hop(encoder: OnnxEncoder) -> None:
    """The event of a hop comes with its newest sample, and its time is that sample's."""
    pipeline = pipeline_of(encoder, CheckingDecoder())
    for sample in split(recording(encoder.facts), list(range(1, SAMPLES))):
        assert [event.time for event in pipeline.push(sample)] in ([], sample.times.tolist())


def test_finish_settles_the_tail_and_starts_anew(encoder: OnnxEncoder) -> None:
    decoder = CheckingDecoder()
    pipeline = pipeline_of(encoder, decoder)
    first = text(pipeline, [recording(encoder.facts)])
    assert decoder.calls[-2:] == ["finish", "reset"]
    # 61 frames in hops of 3: the last is a remainder of one.
    assert [len(event.insert) for event in first] == [3] * 17 + [1, 0]
    assert pipeline.finish()[0].insert == ()
    pipeline.push(recording(encoder.facts, 200))
    pipeline.reset()
    assert text(pipeline, [recording(encoder.facts)]) == first


def test_shorter_than_the_receptive_field_gives_no_emission(encoder: OnnxEncoder) -> None:
    decoder = CheckingDecoder()
    text(pipeline_of(encoder, decoder), [recording(encoder.facts, encoder.facts.receptive_field_samples - 1)])
    assert decoder.calls == ["reset", "finish", "reset"]


def test_the_observer_wraps_every_stage(encoder: OnnxEncoder) -> None:
    seen: list[str] = []

    @contextmanager
    def observer(stage: str) -> Iterator[None]:
        seen.append(f"{stage} in")
        yield
        seen.append(f"{stage} out")

    text(pipeline_of(encoder, CheckingDecoder(), observer=observer), [recording(encoder.facts, 32 + 8 * 11)])
    stages = ["conditioner", "spectrogram", "encoder", "decoder"]
    assert seen[-12:-4] == [f"{stage} {end}" for stage in stages for end in ("in", "out")]
    assert seen[-4:] == ["encoder in", "encoder out", "decoder in", "decoder out"]


def test_another_layout_is_refused(encoder: OnnxEncoder) -> None:
    chunk = recording(encoder.facts)
    slow = dataclasses.replace(chunk, layout=dataclasses.replace(chunk.layout, rate=1000.0))
    with pytest.raises(InputError, match="at 1000 Hz"):
        pipeline_of(encoder, CheckingDecoder()).push(slow)


def test_a_sample_that_is_no_number_is_refused_and_not_taken(encoder: OnnxEncoder) -> None:
    pipeline = pipeline_of(encoder, CheckingDecoder())
    chunk = recording(encoder.facts)
    expected = text(pipeline, [chunk])
    broken = dataclasses.replace(chunk, samples=chunk.samples.copy())
    broken.samples[100, 1, 2] = np.nan
    with pytest.raises(InputError, match=r"sample at 50\.050 s"):
        pipeline.push(broken)
    assert text(pipeline, [chunk]) == expected


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, SAMPLES), max_size=12).map(sorted))
def test_a_long_gap_settles_the_text_and_starts_anew_wherever_the_samples_are_cut(
    encoder: OnnxEncoder, cuts: list[int]
) -> None:
    whole = recording(encoder.facts)
    behind = 300
    times = whole.times + np.where(np.arange(SAMPLES) >= behind, 0.25, 0.0)
    chunk = Chunk(whole.samples, times, whole.layout)
    halves = split(chunk, [behind])
    expected = [text(pipeline_of(encoder, CheckingDecoder()), [half]) for half in halves]
    pipeline = pipeline_of(encoder, CheckingDecoder(), max_gap=0.2)
    assert text(pipeline, split(chunk, cuts)) == expected[0] + expected[1]
    assert pipeline.counts()["gaps"] == 1


def test_the_border_of_a_new_start_is_no_gap(encoder: OnnxEncoder) -> None:
    whole = recording(encoder.facts)
    pipeline = pipeline_of(encoder, CheckingDecoder(), max_gap=0.2)
    text(pipeline, [whole])
    later = Chunk(whole.samples, whole.times + 99, whole.layout)
    text(pipeline, [later])  # after a reset any time may come
    assert pipeline.counts()["gaps"] == 0
