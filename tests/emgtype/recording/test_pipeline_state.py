"""A pipeline's memory put into another one: from there on both say the same to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from emgtype.config import load_config
from emgtype.live.people import gather
from emgtype.recording.pipeline_state import put_state, take_state
from messages.errors import InputError
from messages.signal import Chunk
from streamer.group import PipelineGroup


def group_of(**flags: object) -> PipelineGroup:
    (party,) = gather([load_config(flags=flags)])
    return party.pipelines


@pytest.fixture(scope="module")
def chunks(session_file: Path) -> list[Chunk]:
    """In odd pieces, with a short hole and a long one."""
    with SessionReader(session_file) as recorded:
        (whole,) = recorded.chunks(len(recorded), end=recorded.start + 20)
    times = whole.times.copy()
    times[9000:] += 0.1
    times[21_000:] += 0.5
    cuts = np.cumsum(np.random.default_rng(8).integers(1, 300, 400))
    parts = np.split(np.arange(len(times)), cuts[cuts < len(times)])
    return [Chunk(whole.samples[part], times[part], whole.layout) for part in parts]


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


@pytest.mark.parametrize("name", FLAGS)
def test_what_goes_on_with_the_memory_says_the_same(name: str, chunks: list[Chunk]) -> None:
    live = group_of(**FLAGS[name])
    moments = {7, len(chunks) // 3, len(chunks) // 2, len(chunks) - 20}
    states, told = {}, []
    for number, chunk in enumerate(chunks):
        if number in moments:
            states[number] = take_state(live.pipelines[0])
        told.append(live.push({0: chunk})[0])
    told.append(live.pipelines[0].finish())
    assert sum(map(len, told)) > 20  # type: ignore[arg-type]
    for moment, state in states.items():
        assert state is not None
        other = group_of(**FLAGS[name])
        for chunk in chunks[:50]:  # what it did before is nothing to it
            other.push({0: chunk})
        put_state(other.pipelines[0], state)
        again = [other.push({0: chunk})[0] for chunk in chunks[moment:]]
        assert [*again, other.pipelines[0].finish()] == told[moment:]


def test_of_another_pipeline_or_language_model_it_is_refused(chunks: list[Chunk]) -> None:
    assert take_state(group_of(**{"decoder.language_model.backend": "kenlm"}).pipelines[0]) is None
    group = group_of()
    state = take_state(group.pipelines[0])
    assert state is not None
    with pytest.raises(InputError, match="does not fit this version"):
        put_state(group.pipelines[0], {**state, "unknown": 1})
    with pytest.raises(InputError, match="does not fit this version"):
        put_state(group.pipelines[0], {**state, "beam": "AAAA"})
