from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.model_facts import ModelFacts
from messages.signal import F32, F64, Chunk, Layout
from messages.text import TextEvent
from streamer.arrival.gaps import Gaps
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.stft import Spectrogram
from streamer.pipeline import Pipeline
from streamer.stages import NoDecoder
from tests.streamer.lines import pipeline_of
from training.models.tds import TDSEncoder

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
LONGEST = 0.2
SAMPLES = 1500


class Settling(NoDecoder):
    """A decoder that keeps when it was told to settle."""

    def __init__(self) -> None:
        super().__init__()
        self.settled = 0

    def push(self, emission: Emission) -> list[TextEvent]:
        return []

    def finish(self) -> list[TextEvent]:
        self.settled += 1
        return []

    def reset(self) -> None:
        pass


def signal(samples: int = SAMPLES) -> Chunk:
    values = np.random.default_rng(7).normal(0, 12, (samples, LAYOUT.bands, LAYOUT.electrodes)).astype(np.float32)
    return Chunk(values, 50 + np.arange(samples) / LAYOUT.rate, LAYOUT)


def without(chunk: Chunk, first: int, end: int) -> Chunk:
    rows = np.r_[0:first, end : len(chunk.times)]
    return Chunk(chunk.samples[rows], chunk.times[rows], chunk.layout)


def blanked(chunk: Chunk, first: int, end: int, band: int | None = None) -> Chunk:
    samples = chunk.samples.copy()
    samples[first:end, slice(None) if band is None else band] = np.nan
    return Chunk(samples, chunk.times, chunk.layout)


def split(chunk: Chunk, cuts: list[int]) -> list[Chunk]:
    pieces = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, chunk.layout) for samples, times in pieces]


def run(model: Path, chunks: list[Chunk]) -> tuple[F32, F64, Pipeline, int]:
    tapped: list[Emission] = []
    decoder = Settling()
    pipeline = pipeline_of(OnnxEncoder.load(str(model)), decoder, tap=tapped.append, max_gap=LONGEST)
    for chunk in chunks:
        pipeline.push(chunk)
    pipeline.finish()
    return (
        np.concatenate([emission.log_probs for emission in tapped]),
        np.concatenate([emission.times for emission in tapped]),
        pipeline,
        decoder.settled,
    )


def test_masked_frames_are_to_the_model_what_training_makes_them(
    small_onnx: Path, small_model: TDSEncoder, small_facts: ModelFacts
) -> None:
    whole = signal()
    found, times, pipeline, settled = run(small_onnx, [blanked(whole, 600, 700, band=1)])
    zeroed = np.where(np.isnan(blanked(whole, 600, 700, band=1).samples), np.float32(0), whole.samples)
    expected_frames = Spectrogram(small_facts.front_end, LAYOUT).push(Chunk(zeroed, whole.times, LAYOUT))
    frames, expected_times = expected_frames.values, expected_frames.times
    # A window of 32 may miss 4 samples: frames end at 32 + 8 n.
    ends = 32 + 8 * np.arange(len(frames))
    touched = np.minimum(ends, 700) - np.maximum(ends - 32, 600) > 4
    frames[touched, 1] = 0
    with torch.no_grad():
        expected = small_model(torch.from_numpy(frames)[None])[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(times, expected_times[9:])
    assert pipeline.counts()["masked"] == touched.sum() > 10
    assert (pipeline.counts()["gaps"], settled) == (0, 1)


def test_a_hole_in_the_times_is_a_stretch_without_numbers(small_onnx: Path) -> None:
    whole = signal()
    lost, times, pipeline, _ = run(small_onnx, [without(whole, 500, 800)])
    expected, expected_times, _, _ = run(small_onnx, [blanked(whole, 500, 800)])
    np.testing.assert_array_equal(lost, expected)
    np.testing.assert_allclose(times, expected_times, rtol=0, atol=1e-9)
    assert pipeline.counts()["gaps"] == 0


@pytest.mark.parametrize(("lost", "gaps"), [(400, 0), (402, 1)])
def test_200_ms_are_masked_and_more_are_not(small_onnx: Path, lost: int, gaps: int) -> None:
    assert run(small_onnx, [without(signal(), 500, 500 + lost)])[2].counts()["gaps"] == gaps
    assert run(small_onnx, [blanked(signal(), 500, 500 + lost)])[2].counts()["gaps"] == gaps


def test_single_samples_lost_mask_nothing(small_onnx: Path) -> None:
    *_, pipeline, _ = run(small_onnx, [blanked(signal(), 700, 702)])
    assert pipeline.counts()["masked"] == 0


@pytest.mark.parametrize("band", [0, 1, None])
def test_a_longer_stretch_breaks_off_and_begins_anew_behind_it(small_onnx: Path, band: int | None) -> None:
    whole = signal()
    found, times, pipeline, settled = run(small_onnx, [blanked(whole, 300, 900, band)])
    # Settled as soon as it has lasted too long; what follows is as if nothing had been before.
    before, _, _, _ = run(small_onnx, [blanked(Chunk(whole.samples[:700], whole.times[:700], LAYOUT), 300, 700, band)])
    behind, behind_times, _, _ = run(small_onnx, [Chunk(whole.samples[900:], whole.times[900:], LAYOUT)])
    np.testing.assert_array_equal(found, np.concatenate([before, behind]))
    np.testing.assert_array_equal(times[-len(behind) :], behind_times)
    assert (pipeline.counts()["gaps"], settled) == (1, 2)


def test_times_that_step_back_break_off_too(small_onnx: Path) -> None:
    first, second = split(signal(), [700])
    found, _, pipeline, settled = run(small_onnx, [first, Chunk(second.samples, second.times - 30, LAYOUT)])
    np.testing.assert_array_equal(found, np.concatenate([run(small_onnx, [half])[0] for half in (first, second)]))
    assert (pipeline.counts()["gaps"], settled) == (1, 2)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, SAMPLES), max_size=12).map(sorted),
    missing=st.lists(
        st.tuples(st.integers(0, SAMPLES), st.integers(0, 500), st.sampled_from([0, 1, None])), max_size=3
    ),
    lost=st.tuples(st.integers(0, SAMPLES), st.integers(0, 500)),
)
@example(cuts=[1, 1], missing=[(0, 401, 0)], lost=(0, 0))  # an empty piece amid what is missing
def test_any_cut_gives_the_same(
    small_onnx: Path, cuts: list[int], missing: list[tuple[int, int, int | None]], lost: tuple[int, int]
) -> None:
    chunk = signal()
    for first, length, band in missing:
        chunk = blanked(chunk, first, first + length, band)
    chunk = without(chunk, lost[0], lost[0] + lost[1])
    whole, pieced = Gaps(LAYOUT, LONGEST), Gaps(LAYOUT, LONGEST)
    expected = marks(whole.push(chunk))
    assert marks([piece for part in split(chunk, cuts) for piece in pieced.push(part)]) == expected
    assert np.isfinite(run(small_onnx, [*split(chunk, cuts), late()])[0]).all()


def late() -> Chunk:
    """So that there is something to decode whatever is missing."""
    chunk = signal(300)
    return Chunk(chunk.samples, chunk.times + 100, LAYOUT)


def marks(pieces: list[Chunk | None]) -> list[tuple[float, float] | None]:
    """Each sample's time and value (what is missing counts 0), and the breaks."""
    found: list[tuple[float, float] | None] = []
    for piece in pieces:
        if piece is None:
            found.append(None)
        else:
            sums = np.nansum(piece.samples, axis=(1, 2)).tolist()
            found += zip(piece.times.tolist(), sums, strict=True)
    return found
