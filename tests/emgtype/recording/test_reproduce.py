"""The state of a pipeline, taken at any sample and set in another one: the rest of the text is the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sessions.reader import SessionReader
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble, assemble_group
from emgtype.recording.reproduce import restore
from messages.errors import InputError, NoStateError
from messages.signal import Chunk
from messages.tables import table_of
from streamer.pipeline import Pipeline
from streamer.stages import unobserved

FLAGS: dict[str, dict[str, object]] = {
    "defaults": {},
    "another hop": {"pipeline.hop_frames": 3},
    "hold, hot words": {"decoder.commit.mode": "hold", "decoder.language_model.hot_words": ["the", "they"]},
    "corrected": {
        "conditioner.high_pass_hz": 40.0,
        "conditioner.notch_hz": 50.0,
        "conditioner.roll": [1, 0],
        "gate.enabled": False,
    },
}


def pipeline_with(flags: dict[str, object]) -> Pipeline:
    config = load_config(flags=flags)
    bundle = open_bundle(config.bundle)
    return assemble_group(bundle, [config], [unobserved]).pipelines[0]


@pytest.fixture(scope="module")
def recording(session_file: Path) -> Chunk:
    """Twelve seconds with a short hole, a long one, and a band that is missing for a while."""
    with SessionReader(session_file) as session:
        (whole,) = session.chunks(len(session), end=session.start + 12)
    times = whole.times.copy()
    times[5000:] += 0.1
    times[15_000:] += 0.5
    samples = whole.samples.copy()
    samples[9000:9200, 1] = np.nan
    return Chunk(samples, times, whole.layout)


@pytest.fixture(scope="module")
def pipelines() -> dict[str, tuple[Pipeline, Pipeline]]:
    return {name: (pipeline_with(flags), pipeline_with(flags)) for name, flags in FLAGS.items()}


def part(chunk: Chunk, first: int, end: int | None = None) -> Chunk:
    return Chunk(chunk.samples[first:end], chunk.times[first:end], chunk.layout)


@pytest.mark.parametrize("name", FLAGS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_pipeline_goes_on_from_the_state_of_another(
    name: str, pipelines: dict[str, tuple[Pipeline, Pipeline]], recording: Chunk, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(recording.times)))
    live, other = pipelines[name]
    live.reset()
    live.push(part(recording, 0, at))
    table = table_of(live.state)
    # What the other one did before must be nothing to it, and what the first does later nothing to the state.
    other.push(part(recording, 3000, 9000))
    rest = [*live.push(part(recording, at)), *live.finish()]
    restore(other, table)
    assert [*other.push(part(recording, at)), *other.finish()] == rest


def spoilt(table: dict[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    """A table with another value at a place; None takes it out."""
    name, *inner = path
    changed = dict(table)
    if inner:
        changed[name] = spoilt(table[name], inner, value)
    elif value is None:
        del changed[name]
    else:
        changed[name] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (["unknown"], 1, "other parts .*unknown"),
        (["ring"], None, "other parts .*ring"),
        (["gate", "unknown"], 1, r"unknown setting 'unknown' in the flight's state \[gate\]"),
        (["gate", "frames"], None, "lacks 'frames'"),
        (["decoder", "seq"], "one", "seq = 'one'"),
        (["front_end", "samples"], np.zeros((2, 2, 16)), "array of float64"),
        (["encoder", "tensors"], [], "does not fit this pipeline"),
        (["decoder", "beam"], np.zeros(3, np.uint8), "does not fit this pipeline"),
        (["gate"], 3, "does not fit this pipeline's gate"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(path: Sequence[str], value: object, sentence: str) -> None:
    pipeline = pipeline_with({})
    table = table_of(pipeline.state)
    with pytest.raises(InputError, match=sentence) as caught:
        restore(pipeline, spoilt(table, path, value))
    assert "\n" not in str(caught.value)


def test_a_pipeline_without_a_gate_refuses_the_state_of_one_with_it() -> None:
    with pytest.raises(InputError, match="does not fit this pipeline's gate"):
        restore(pipeline_with({"gate.enabled": False}), table_of(pipeline_with({}).state))


def test_the_states_of_kenlm_cannot_be_kept() -> None:
    config = load_config(flags={"decoder.language_model.backend": "kenlm"})
    with pytest.raises(NoStateError):
        _ = assemble(open_bundle(config.bundle), config).state
