import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts
from messages.signal import Frames
from streamer.encoder.onnx_file import read_facts
from streamer.encoder.stream import OnnxEncoder
from training.models.tds import TDSEncoder

FRAMES = np.random.default_rng(5).normal(0, 1, (40, 2, 4, 17)).astype(np.float32)
TIMES = np.arange(40.0)


def emissions(encoder: OnnxEncoder, cuts: list[int]) -> Emission:
    pairs = zip(np.split(FRAMES, cuts), np.split(TIMES, cuts), strict=True)
    pieces = [encoder.push(Frames.complete(*pair)) for pair in pairs]
    pieces.append(encoder.finish())
    return Emission(np.concatenate([e.log_probs for e in pieces]), np.concatenate([e.times for e in pieces]))


@pytest.mark.parametrize("hop", [1, 2, 3, 8, 64])
def test_every_hop_agrees_with_the_offline_forward(small_onnx: Path, small_model: TDSEncoder, hop: int) -> None:
    found = emissions(OnnxEncoder.load(str(small_onnx), hop), [])
    with torch.no_grad():
        expected = small_model(torch.from_numpy(FRAMES)[None])[0].numpy()
    np.testing.assert_allclose(found.log_probs, expected, rtol=0, atol=1e-5)
    assert found.times.tolist() == TIMES[9:].tolist()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 40), max_size=12).map(sorted))
def test_any_cut_gives_the_same_bits(small_onnx: Path, cuts: list[int]) -> None:
    encoder = OnnxEncoder.load(str(small_onnx))
    whole, cut = emissions(encoder, []), emissions(encoder, cuts)  # finish leaves it as after a reset
    np.testing.assert_array_equal(cut.log_probs, whole.log_probs)
    np.testing.assert_array_equal(cut.times, whole.times)


def test_one_by_one_after_a_reset_amid_a_hop(small_onnx: Path) -> None:
    encoder = OnnxEncoder.load(str(small_onnx))
    whole = emissions(encoder, [])
    encoder.push(Frames.complete(FRAMES[20:40], TIMES[20:40]))
    encoder.reset()
    one_by_one = emissions(encoder, list(range(1, 40)))
    np.testing.assert_array_equal(one_by_one.log_probs, whole.log_probs)
    np.testing.assert_array_equal(one_by_one.times, whole.times)


def test_nothing_comes_before_the_receptive_field_is_filled(small_onnx: Path) -> None:
    encoder = OnnxEncoder.load(str(small_onnx))
    assert encoder.push(Frames.complete(FRAMES[:9], TIMES[:9])).log_probs.shape == (0, 99)
    assert encoder.push(Frames.complete(FRAMES[9:12], TIMES[9:12])).times.tolist() == [9, 10, 11]


def test_what_was_emitted_stays(small_onnx: Path) -> None:
    encoder = OnnxEncoder.load(str(small_onnx))
    first = encoder.push(Frames.complete(FRAMES[:12], TIMES[:12]))
    copy = first.log_probs.copy()
    encoder.push(Frames.complete(FRAMES[12:15], TIMES[12:15]))
    np.testing.assert_array_equal(first.log_probs, copy)


def test_the_hop_is_the_models_unless_named(small_onnx: Path, small_facts: ModelFacts) -> None:
    assert read_facts(str(small_onnx)) == small_facts
    assert OnnxEncoder.load(str(small_onnx)).hop == 3
    assert OnnxEncoder.load(str(small_onnx), 5).hop == 5
    with pytest.raises(InputError, match="hop is 0"):
        OnnxEncoder.load(str(small_onnx), 0)


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    for path in (broken, tmp_path / "absent.onnx"):
        with pytest.raises(InputError, match=path.name) as caught:
            OnnxEncoder.load(str(path))
        assert "\n" not in str(caught.value)


def test_a_graph_that_belies_its_facts_is_refused(small_onnx: Path, small_facts: ModelFacts, tmp_path: Path) -> None:
    proto = onnx.load(small_onnx)
    other = dataclasses.replace(small_facts, layout=dataclasses.replace(small_facts.layout, electrodes=5))
    onnx.helper.set_model_props(proto, other.to_metadata())
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(InputError, match=r"its facts, a hop of 3 and 1 streams ask for"):
        OnnxEncoder.load(str(tmp_path / "other.onnx"))
