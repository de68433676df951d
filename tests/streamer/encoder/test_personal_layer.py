"""The personal layer: by itself, and as a stage of the pipeline that is switched while it runs."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Chunk
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.stft import Spectrogram
from streamer.pipeline import Pipeline
from tests.streamer.lines import pipeline_of

FRAMES = 40


def layer(facts: ModelFacts, seed: int) -> PersonalLayer:
    rng = np.random.default_rng(seed)
    bands, electrodes, bins = facts.front_end.shape(facts.layout)
    return PersonalLayer(
        "anna",
        (np.eye(electrodes) + 0.2 * rng.normal(size=(bands, electrodes, electrodes))).astype(np.float32),
        rng.uniform(0.5, 1.5, (bands, electrodes, bins)).astype(np.float32),
        rng.normal(0, 0.3, (bands, electrodes, bins)).astype(np.float32),
    )


def signal(facts: ModelFacts) -> Chunk:
    samples = np.random.default_rng(4).normal(0, 12, (facts.front_end.samples(FRAMES), facts.layout.bands, 4))
    return Chunk(samples.astype(np.float32), np.arange(len(samples)) / facts.layout.rate, facts.layout)


def emissions(pipeline: Pipeline, tapped: list[Emission]) -> np.ndarray:
    pipeline.finish()
    joined = np.concatenate([e.log_probs for e in tapped])
    tapped.clear()
    return joined


@given(cuts=st.lists(st.integers(0, 30), max_size=8).map(sorted))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_frames_are_bit_equal_however_they_are_cut(small_facts: ModelFacts, cuts: list[int]) -> None:
    personal = layer(small_facts, 1)
    frames = np.random.default_rng(2).normal(0, 2, (30, 2, 4, 17)).astype(np.float32)
    whole = personal.adapted(frames)
    pieces = [personal.adapted(part) for part in np.split(frames, cuts)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert whole.dtype == np.float32
    mixed = np.einsum("bij,fbjk->fbik", personal.mixing.astype(float), frames.astype(float))
    np.testing.assert_allclose(whole, personal.scale * mixed + personal.bias, rtol=0, atol=1e-5)


def test_the_encoder_gets_what_the_layer_makes_of_the_frames(small_facts: ModelFacts, small_onnx: object) -> None:
    personal, chunk, tapped = layer(small_facts, 1), signal(small_facts), list[Emission]()
    pipeline = pipeline_of(OnnxEncoder.load(str(small_onnx)), tap=tapped.append, personal=personal)
    pipeline.push(chunk)
    found = emissions(pipeline, tapped)
    frames = Spectrogram(small_facts.front_end, small_facts.layout).push(chunk)
    encoder = OnnxEncoder.load(str(small_onnx))
    first = encoder.push(personal.push(frames))
    expected = np.concatenate([first.log_probs, encoder.finish().log_probs])
    np.testing.assert_array_equal(found, expected)


@given(cuts=st.lists(st.integers(0, FRAMES * 8), max_size=8).map(sorted))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_person_switched_while_running_holds_from_then_on(
    small_facts: ModelFacts, small_onnx: object, cuts: list[int]
) -> None:
    """Nobody's layer, one person's, another's: each as if it alone had been there, however the samples are cut."""
    chunk, tapped = signal(small_facts), list[Emission]()
    pipeline = pipeline_of(OnnxEncoder.load(str(small_onnx)), tap=tapped.append)
    alone = {}
    for seed in (None, 1, 2):
        pipeline.personal = None if seed is None else layer(small_facts, seed)
        for samples, times in zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True):
            pipeline.push(Chunk(samples, times, chunk.layout))
        alone[seed] = emissions(pipeline, tapped)
        fresh = pipeline_of(OnnxEncoder.load(str(small_onnx)), tap=tapped.append, personal=pipeline.personal)
        fresh.push(chunk)
        np.testing.assert_array_equal(alone[seed], emissions(fresh, tapped))
    assert np.abs(alone[1] - alone[2]).max() > 0.01 < np.abs(alone[1] - alone[None]).max()


def test_a_switch_between_hops_leaves_earlier_frames_alone(small_facts: ModelFacts, small_onnx: object) -> None:
    chunk, tapped = signal(small_facts), list[Emission]()
    pipeline = pipeline_of(OnnxEncoder.load(str(small_onnx)), tap=tapped.append)
    pipeline.push(chunk)
    before = emissions(pipeline, tapped)
    border = small_facts.front_end.samples(21)  # 7 hops of 3 frames
    for part, personal in ((slice(0, border), None), (slice(border, None), layer(small_facts, 1))):
        pipeline.personal = personal
        pipeline.push(Chunk(chunk.samples[part], chunk.times[part], chunk.layout))
    after = emissions(pipeline, tapped)
    known = 21 - (small_facts.encoder.receptive_field - 1)
    np.testing.assert_array_equal(after[:known], before[:known])
    assert (np.abs(after[known:] - before[known:]).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("name", ["mixing", "scale", "bias"])
def test_a_layer_of_another_model_is_refused_and_the_old_one_stays(
    small_facts: ModelFacts, small_onnx: object, name: str
) -> None:
    good = layer(small_facts, 1)
    pipeline = pipeline_of(OnnxEncoder.load(str(small_onnx)), personal=good)
    with pytest.raises(InputError, match=rf"layer of anna has {name} of shape \(1, .*personalise"):
        pipeline.personal = dataclasses.replace(good, **{name: getattr(good, name)[:1]})
    assert pipeline.personal is good
