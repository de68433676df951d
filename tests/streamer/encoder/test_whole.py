from pathlib import Path

import numpy as np
import pytest
import torch

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import ModelFacts, StftFacts
from messages.signal import Chunk, Frames, Layout
from messages.text import TextEvent
from streamer.encoder import whole as whole_encoder
from streamer.encoder.choice import open_encoder
from streamer.encoder.stream import OnnxEncoder
from streamer.encoder.whole import WholeEncoder
from streamer.stages import NoDecoder
from tests.streamer.lines import pipeline_of
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import TrainedEncoder
from training.models.families import Encoder, make_encoder

FRAME_SIZES = {"bands": 2, "electrodes": 4, "bins": 17}
VALUES = {"family": "spatial_lstm", **FRAME_SIZES, "mlp_features": 6, "hidden": 5, "layers": 2}
FRAMES = np.random.default_rng(5).normal(0, 1, (40, 2, 4, 17)).astype(np.float32)
TIMES = np.arange(40.0)


@pytest.fixture(scope="module")
def bidirectional(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, str]:
    torch.manual_seed(3)
    model = make_encoder(VALUES).eval()
    layout = Layout(2000.0, "uV", ("left", "right"), 4)
    trained = TrainedEncoder(model, layout, StftFacts(window=32, hop=8), {}, 0)
    facts = facts_of(trained, name="both ways", hop=3, provenance={})
    bundle = tmp_path_factory.mktemp("bundle") / "both"
    export_bundle(model, bundle, facts, "card")
    return model, str(bundle / "encoder.onnx")


@pytest.mark.parametrize("cuts", [[], [7, 8, 30], list(range(1, 40))])
def test_all_emissions_come_at_the_end_however_frames_are_cut(
    bidirectional: tuple[Encoder, str], cuts: list[int]
) -> None:
    model, path = bidirectional
    encoder = open_encoder(path)
    assert isinstance(encoder, WholeEncoder)
    for _ in range(2):
        for frames, times in zip(np.split(FRAMES, cuts), np.split(TIMES, cuts), strict=True):
            assert encoder.push(Frames.complete(frames, times)).log_probs.shape == (0, 99)
        found = encoder.finish()
        with torch.no_grad():
            expected = model(torch.from_numpy(FRAMES)[None])[0].numpy()
        np.testing.assert_allclose(found.log_probs, expected, rtol=0, atol=1e-5)
        assert found.times.tolist() == TIMES.tolist()
    encoder.push(Frames.complete(FRAMES, TIMES))
    encoder.reset()
    assert encoder.finish().log_probs.shape == (0, 99)


def test_a_causal_model_gets_the_streaming_encoder(small_onnx: Path, small_facts: ModelFacts) -> None:
    encoder = open_encoder(str(small_onnx), 5)
    assert isinstance(encoder, OnnxEncoder)
    assert (encoder.hop, encoder.facts) == (5, small_facts)


def test_it_is_refused_where_frames_come_live(bidirectional: tuple[Encoder, str]) -> None:
    with pytest.raises(InputError, match="both ends and cannot decode live") as caught:
        OnnxEncoder.load(bidirectional[1])
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="hop is 0"):
        WholeEncoder(bidirectional[1], 0)


def test_a_recording_beyond_the_capacity_is_refused(
    bidirectional: tuple[Encoder, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_encoder, "CAPACITY", 50)
    encoder = WholeEncoder(bidirectional[1])
    encoder.push(Frames.complete(FRAMES, TIMES))
    with pytest.raises(InputError, match="beyond 50 frames"):
        encoder.push(Frames.complete(FRAMES, TIMES))
    assert len(encoder.finish().times) == 40  # nothing of the refused ones was taken


class Counting(NoDecoder):
    """A decoder that keeps how many frames each push had."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[int] = []

    def push(self, emission: Emission) -> list[TextEvent]:
        self.frames.append(len(emission.times))
        return []

    def finish(self) -> list[TextEvent]:
        return []

    def reset(self) -> None:
        self.frames = []


def test_the_pipeline_decodes_it_hop_by_hop_at_the_end(bidirectional: tuple[Encoder, str]) -> None:
    decoder, tapped = Counting(), list[Emission]()
    encoder = open_encoder(bidirectional[1])
    pipeline = pipeline_of(encoder, decoder, tap=tapped.append)
    samples = np.random.default_rng(1).normal(0, 10, (32 + 8 * 9, 2, 4)).astype(np.float32)
    pipeline.push(Chunk(samples, np.arange(len(samples)) / 2000, encoder.facts.layout))
    assert not decoder.frames
    pipeline.finish()
    assert decoder.frames == [3, 3, 3, 1]  # ten frames in hops of three
    assert tapped[0].times[0] == 31 / 2000
