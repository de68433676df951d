"""A second kind of model goes through the seam: a toy front end and a toy decoder, chosen by facts of their own."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emgtype.config import Config, load_config
from emgtype.models import decoders, pipelines
from emgtype.models.bundle import Bundle
from emgtype.models.pipelines import assemble, assemble_group
from messages.emission import Emission
from messages.model_facts import ModelFacts
from messages.signal import F32, Chunk, Frames, Layout
from messages.text import Key, TextEvent
from streamer.encoder.onnx_file import read_facts
from streamer.front_end import choice
from streamer.stages import unobserved

SAMPLES = 1500


@dataclass(frozen=True, slots=True)
class LoudnessFacts:
    """Facts of a front end that says how loud each electrode is, in blocks that do not overlap."""

    hop: int
    columns: int
    kind: str = "loudness"

    def shape(self, layout: Layout) -> tuple[int, ...]:
        return (layout.bands, layout.electrodes, self.columns)

    def samples(self, frames: int) -> int:
        return self.hop * frames


@dataclass(frozen=True, slots=True)
class LoudnessState:
    waiting: F32


class Loudness:
    """The front end: log loudness of each block, the same in all columns."""

    def __init__(self, facts: LoudnessFacts, layout: Layout) -> None:
        self.facts, self.layout = facts, layout
        self.reset()

    def reset(self) -> None:
        self.state = LoudnessState(np.empty((0, self.layout.bands, self.layout.electrodes), np.float32))

    def push(self, chunk: Chunk) -> Frames:
        hop, waiting = self.facts.hop, len(self.state.waiting)
        joined = np.concatenate([self.state.waiting, chunk.samples])
        count = len(joined) // hop
        self.state = LoudnessState(joined[count * hop :])
        blocks = np.nan_to_num(joined[: count * hop]).reshape(count, hop, *joined.shape[1:])
        loudness = np.log10(np.abs(blocks).mean(axis=1) + 1e-3).astype(np.float32)
        columns = np.repeat(loudness[..., None], self.facts.columns, axis=-1)
        return Frames.complete(columns, chunk.times[hop - 1 - waiting :: hop].copy()[:count])

    def finish(self) -> Frames:
        self.reset()
        return self.push(
            Chunk(np.empty((0, self.layout.bands, self.layout.electrodes), np.float32), np.empty(0), self.layout)
        )


@dataclass(frozen=True, slots=True)
class TrendFacts:
    """Facts of a decoder that types whether class 0 becomes likelier or less likely, whenever that changes."""

    outputs: int
    blank: int
    kind: str = "trend"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.outputs - 1)))


@dataclass(frozen=True, slots=True)
class TrendState:
    label: int = -1
    level: float = 0.0
    seq: int = 0


class Trend:
    """The decoder."""

    def __init__(self) -> None:
        self.rejected = 0
        self.state = TrendState()

    def push(self, emission: Emission) -> list[TextEvent]:
        events = []
        for level, time in zip(emission.log_probs[:, 0].tolist(), emission.times.tolist(), strict=True):
            label, seq = int(level > self.state.level), self.state.seq
            if label != self.state.label:
                events.append(TextEvent(0, (Key(label, time, 1.0),), 0, time, seq))
                seq += 1
            self.state = TrendState(label, level, seq)
        return events

    def finish(self) -> list[TextEvent]:
        self.reset()
        return []

    def reset(self) -> None:
        self.state = TrendState(seq=self.state.seq)


@pytest.fixture
def toy(small_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle of the second kind, and a case for it in each of the two choices that it needs."""
    front_ends, of_bundle = choice.open_front_end, decoders.open_decoders

    def open_front_end(facts: Any, layout: Layout) -> Any:
        return Loudness(facts, layout) if isinstance(facts, LoudnessFacts) else front_ends(facts, layout)

    def open_decoders(bundle: Bundle, config: Config, people: int = 1) -> Any:
        if isinstance(bundle.facts.decoder, TrendFacts):
            return [Trend() for _ in range(people)]
        return of_bundle(bundle, config, people)

    monkeypatch.setattr(pipelines, "open_front_end", open_front_end)
    monkeypatch.setattr(pipelines, "open_decoders", open_decoders)
    known = read_facts(str(small_onnx))
    kinds: Any = {
        "front_end": LoudnessFacts(20, known.front_end.bins),
        "decoder": TrendFacts(known.decoder.outputs, 98),
    }
    facts: ModelFacts = replace(known, **kinds)
    return Bundle(small_onnx.parent, facts, None)


def recording(layout: Layout, seed: int = 0) -> Chunk:
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.uniform(1, 60, (SAMPLES // 50, layout.bands, layout.electrodes)), 50, axis=0)
    samples = (loud * rng.normal(size=loud.shape)).astype(np.float32)
    samples[700:720, 0] = np.nan
    return Chunk(samples, np.arange(SAMPLES) / layout.rate, layout)


def pieces(chunk: Chunk, cuts: list[int]) -> list[Chunk]:
    pairs = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    return [Chunk(samples, times, chunk.layout) for samples, times in pairs]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, SAMPLES), max_size=9).map(sorted))
def test_a_second_kind_types_the_same_however_its_samples_are_cut(toy: Bundle, cuts: list[int]) -> None:
    pipeline = assemble(toy, load_config())
    chunk = recording(toy.facts.layout)
    assert pipeline.gate is None
    whole = [*pipeline.push(chunk), *pipeline.finish()]
    pipeline.reset()
    again = [event for piece in pieces(chunk, cuts) for event in pipeline.push(piece)] + pipeline.finish()
    assert len(whole) > 20
    assert [event.insert for event in again] == [event.insert for event in whole]


def test_a_second_kind_is_decoded_in_groups(toy: Bundle) -> None:
    config, layout = load_config(), toy.facts.layout
    group = assemble_group(toy, [config, config], [unobserved, unobserved])
    alone = assemble(toy, config)
    results = group.push({n: recording(layout, n) for n in range(2)})
    for number in range(2):
        alone.reset()
        events = alone.push(recording(layout, number))
        assert [event.insert for event in results[number]] == [event.insert for event in events]  # type: ignore[union-attr]


def test_a_second_kind_goes_on_from_its_state(toy: Bundle) -> None:
    one, other = assemble(toy, load_config()), assemble(toy, load_config())
    first, second = pieces(recording(toy.facts.layout), [777])
    one.push(first)
    other.push(recording(toy.facts.layout, 5))
    other.state = one.state
    assert other.push(second) == one.push(second)
