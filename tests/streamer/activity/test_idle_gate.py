"""The idle gate on signals made by hand: see `tests.streamer.activity.hands`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.signal import F32, Chunk, Frames
from messages.tables import build
from streamer.activity.idle_gate import TYPING_DB, GateSettings, IdleGate
from streamer.encoder.stream import OnnxEncoder
from tests.streamer.activity.hands import (
    FACTS,
    FINGERS,
    FIST,
    KEY,
    LAYOUT,
    POSTURE,
    REST,
    Part,
    envelope,
    frames_of,
    plain,
    signal,
)
from tests.streamer.lines import pipeline_of

CONTEXT = FACTS.encoder.receptive_field - 1
CLIP = 3.0
"""Where the amplifier clips, in units of the rest."""
SOFT_FINGERS: list[Part] = [(seconds, min(left, 5.0), min(right, 5.0)) for seconds, left, right in FINGERS]


def emission_of(parts: Sequence[Part]) -> Emission:
    """Return a key in every frame that ends in a burst, else blank, less sure of it than the closed gate is."""
    newest = envelope(parts)[FACTS.front_end.window - 1 :: FACTS.front_end.hop].max(axis=1)[CONTEXT:]
    log_probs = np.full((len(newest), len(FACTS.decoder.classes) + 1), -5.0, np.float32)
    log_probs[np.arange(len(newest)), np.where((newest > POSTURE) & (newest < FIST), 0, FACTS.decoder.blank)] = -0.05
    return Emission(log_probs, 0.008 * np.arange(len(newest), dtype=np.float64))


def open_shares(gate: IdleGate, parts: Sequence[Part], clipped: tuple[float, float] = (0, 0)) -> list[float]:
    """Return the share of each part in which the gate is open, without the frames that straddle two parts.

    The amplifier clips between the two seconds `clipped`.
    """
    chunk = signal(parts)
    samples = chunk.samples[slice(*(round(seconds * LAYOUT.rate) for seconds in clipped))]
    np.clip(samples, -CLIP, CLIP, out=samples)
    gate.listen(frames_of(chunk))
    emission = emission_of(parts)
    gated = gate.push(emission)
    closed = gated.log_probs[:, FACTS.decoder.blank] == 0
    np.testing.assert_array_equal(gated.log_probs[~closed], emission.log_probs[~closed])
    ends = np.cumsum([seconds for seconds, _, _ in parts]) * LAYOUT.rate / FACTS.front_end.hop
    by_part = np.split(np.concatenate([np.zeros(CONTEXT, np.bool_), ~closed]), np.round(ends[:-1]).astype(int))
    return [float(part[4:].mean()) for part in by_part if len(part) > 4]


def test_it_opens_with_a_burst_and_stays_open_as_long_as_the_encoder_is_late() -> None:
    rest, key, soon, _, late = open_shares(
        IdleGate(FACTS), [(4, REST, REST), (0.08, KEY, POSTURE), (0.12, REST, REST), (0.3, REST, REST), (2, REST, REST)]
    )
    assert rest < 0.4, "the floor takes 1.5 s of the 4"
    assert key > 0.5
    assert soon == 1
    assert late == 0


def test_typing_passes_and_is_not_learnt_as_rest() -> None:
    gate = IdleGate(FACTS)
    *_, first, last = open_shares(gate, [(3, REST, REST), *FINGERS * 150, (0.1, KEY, POSTURE), (0.1, KEY, POSTURE)])
    assert first == last == 1
    assert gate.closed_frames < 0.1 * gate.frames
    assert gate.typing_level != TYPING_DB


def test_soft_keys_pass_behind_typing_that_clipped_and_was_as_steady_as_a_rest() -> None:
    # Each 20 times the fingers are 7.2 s.
    parts: list[Part] = [(3, REST, REST), *FINGERS * 20, *FINGERS * 20, *SOFT_FINGERS * 10]
    soft = open_shares(IdleGate(FACTS), parts, clipped=(10.2, 17.4))[-len(SOFT_FINGERS) * 10 :]
    assert min(soft[1:]) == 1, "from the first key on"


def test_two_gates_that_see_the_same_frames_soon_have_the_same_typing_level() -> None:
    loud: list[Part] = [(seconds, 1.5 * left, 1.5 * right) for seconds, left, right in FINGERS]
    aged, fresh = IdleGate(FACTS), IdleGate(FACTS)
    open_shares(aged, [(3, REST, REST), *loud * 60])
    aged.finish()
    assert aged.typing_level > fresh.typing_level + 2
    parts: list[Part] = [(3, REST, REST), *FINGERS * 150]
    open_shares(aged, parts)
    open_shares(fresh, parts)
    assert aged.typing_level == fresh.typing_level


def test_typing_from_the_first_moment_passes() -> None:
    gate = IdleGate(FACTS)
    assert min(open_shares(gate, FINGERS * 100)[8:]) == 1
    assert not gate.has_floor


def test_fists_close_it_and_so_does_a_rest_on_noisier_contacts() -> None:
    parts: list[Part] = [(3, REST, REST), (0.2, FIST, FIST), (3, FIST, FIST), (0.3, REST, REST), (1, REST, REST)]
    assert open_shares(IdleGate(FACTS), parts)[2] < 0.05
    assert open_shares(IdleGate(FACTS), parts)[4] == 0
    noisier: list[Part] = [(3, REST, REST), (3, 3 * REST, 3 * REST), (3, 3 * REST, 3 * REST)]
    assert open_shares(IdleGate(FACTS), noisier)[2] == 0
    quieter: list[Part] = [(3, 3 * REST, 3 * REST), (0.5, REST, REST), *FINGERS * 20]
    assert min(open_shares(IdleGate(FACTS), quieter)[6:]) == 1


def test_fists_of_a_fifth_of_a_second_close_it_because_both_hands_are_louder_than_typing() -> None:
    parts: list[Part] = [(3, REST, REST), (0.2, FIST, FIST), (0.4, REST, REST)]
    assert open_shares(IdleGate(FACTS), parts)[2] == 0


def test_the_grip_of_one_hand_closes_it_because_that_hand_is_louder_than_typing_for_long() -> None:
    parts: list[Part] = [(3, REST, REST), (0.4, FIST, POSTURE), (2, FIST, POSTURE), (0.2, KEY, POSTURE)]
    _, first, grip, key = open_shares(IdleGate(FACTS), parts)
    assert first > 0.3
    assert grip == key == 0


def test_steady_fists_no_louder_than_keys_close_it_although_keys_are_decoded_in_them() -> None:
    fists: list[Part] = [(3, REST, REST), (2, 5.5, 5.5), (4, 5.5, 5.5), (1.5, REST, REST), (0.1, KEY, KEY)]
    assert open_shares(IdleGate(FACTS), fists)[2] == 0
    assert open_shares(IdleGate(FACTS), fists)[4] > 0.5, "the fists were not learnt as a rest"


def test_one_hand_alone_passes_if_the_settings_ask_for_no_posture() -> None:
    mouse: list[Part] = [(3, REST, REST), *[(0.3, REST, REST), (0.08, REST, KEY)] * 20, (0.08, REST, REST)]
    assert open_shares(IdleGate(FACTS), mouse)[-1] == 0
    assert open_shares(IdleGate(FACTS, GateSettings(posture_db=0.0)), mouse)[-1] == 1


def test_an_electrode_that_loses_its_contact_changes_little() -> None:
    parts: list[Part] = [(3, REST, REST), *FINGERS * 60]
    gate, typing = IdleGate(FACTS), signal(parts)
    typing.samples[6000:, 0, 1] = 0.0
    gate.listen(frames_of(typing))
    gate.push(emission_of(parts))
    assert gate.closed_frames < 0.35 * gate.frames, "the rest alone is a fifth"


MIXED: list[Part] = [(2, REST, REST), *FINGERS * 4, (0.5, FIST, FIST), (0.6, REST, REST), *FINGERS * 3]
"""All that the gate tells apart, in seven seconds."""


def gated(gate: IdleGate, ends: Sequence[int], late: int) -> F32:
    """Return what the gate makes of `MIXED`, cut at these frames, with an encoder that answers so many frames later."""
    frames, emission = frames_of(signal(MIXED)), emission_of(MIXED)
    parts, done = [], 0
    for first, last in zip([0, *ends], [*ends, len(frames)], strict=True):
        gate.listen(frames[first:last])
        until = max(done, last - late - CONTEXT) if last < len(frames) else len(emission.times)
        parts.append(gate.push(Emission(emission.log_probs[done:until], emission.times[done:until])).log_probs)
        done = until
    return np.concatenate(parts)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=12).map(sorted), late=st.integers(0, 200))
def test_any_cut_gives_the_same_emissions(cuts: list[int], late: int) -> None:
    whole, in_pieces, single = (IdleGate(FACTS) for _ in range(3))
    expected = gated(whole, [], 0)
    count = len(expected) + CONTEXT
    np.testing.assert_array_equal(gated(in_pieces, [cut for cut in cuts if cut < count], late), expected)
    np.testing.assert_array_equal(gated(single, range(1, count), 0), expected)
    assert 0 < whole.closed_frames < whole.frames
    for gate in (in_pieces, single):
        assert (gate.closed_frames, gate.frames) == (whole.closed_frames, whole.frames)
        assert gate.typing_level == whole.typing_level


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 600), late=st.integers(0, 60), detour=st.booleans())
def test_a_gate_with_the_state_of_another_goes_on_as_it_would(at: int, late: int, detour: bool) -> None:
    frames, emission = frames_of(signal(MIXED)), emission_of(MIXED)
    answered = max(0, at - late - CONTEXT)

    def answer(gate: IdleGate, first: int, last: int) -> F32:
        return gate.push(Emission(emission.log_probs[first:last], emission.times[first:last])).log_probs

    gate, fresh = IdleGate(FACTS), IdleGate(FACTS)
    gate.listen(frames[:at])
    answer(gate, 0, answered)
    if detour:
        open_shares(fresh, FINGERS * 10)
    state = gate.state
    before = plain(state)
    # The first gate goes on, which must not reach into the state that was read.
    gate.listen(frames[at:])
    expected = answer(gate, answered, len(emission.times))
    fresh.state = state
    assert plain(fresh.state) == plain(state) == before
    fresh.listen(frames[at:])
    np.testing.assert_array_equal(answer(fresh, answered, len(emission.times)), expected)
    assert plain(fresh.state) == plain(gate.state)


def test_a_gate_that_follows_another_has_its_floor_and_typing_level_but_not_its_later_ones() -> None:
    gate, successor = IdleGate(FACTS), IdleGate(FACTS)
    open_shares(gate, [(3, REST, REST), *FINGERS * 20])
    successor.follow(gate)
    floor, typing_level = successor.state.floor, successor.typing_level
    assert (floor, typing_level) == (gate.state.floor, gate.typing_level)
    gate.finish()
    open_shares(gate, [(3, 0.5 * REST, 0.5 * REST)])
    assert gate.state.floor != floor
    assert successor.state.floor == floor


@pytest.mark.parametrize("pieces", [[], [1, 777, 5000, 5001], list(range(16, 9000, 16))])
def test_a_pipeline_decodes_only_blanks_while_the_gate_is_closed(small_onnx: Path, pieces: list[int]) -> None:
    chunk = signal([(14, REST, REST), *FINGERS * 3, (1, REST, REST)])  # the model hears much in them

    def heard(gate: IdleGate | None, cuts: list[int]) -> F32:
        said: list[Emission] = []
        pipeline = pipeline_of(OnnxEncoder.load(str(small_onnx)), tap=said.append, gate=gate)
        for samples, times in zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True):
            pipeline.push(Chunk(samples, times, LAYOUT))
        pipeline.finish()
        return np.concatenate([emission.log_probs for emission in said])

    facts = OnnxEncoder.load(str(small_onnx)).facts
    gate = IdleGate(facts)
    bare, gated = heard(None, pieces), heard(gate, pieces)
    shut = gated[:, facts.decoder.blank] == 0
    assert gate.frames == len(bare)
    assert gate.closed_frames == shut.sum() > 0.1 * len(bare)
    np.testing.assert_array_equal(gated[~shut], bare[~shut])
    np.testing.assert_array_equal(gated, heard(IdleGate(facts), []))


def test_the_floor_outlives_a_gap_but_not_a_reset() -> None:
    gate = IdleGate(FACTS)
    open_shares(gate, [(3, REST, REST)])
    gate.finish()
    assert open_shares(gate, [(1, REST, REST)]) == [0]
    gate.reset()
    assert not gate.has_floor
    assert open_shares(gate, [(1, REST, REST)])[0] > 0.5


@pytest.mark.parametrize("wrong", [{"burst_tolerance_db": -1.0}, {"posture_db": 31.0}, {"clench_margin_db": 61.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        build(GateSettings, wrong, "[gate]")


def test_missing_frames_count_as_loud_as_the_last_one_that_was_there() -> None:
    parts: list[Part] = [(3, REST, REST), *FINGERS * 2, (1, REST, REST)]
    frames, emission = frames_of(signal(parts)), emission_of(parts)
    missing = frames.missing.copy()
    missing[40:60, 0] = missing[30:45, 1] = True
    spoilt = Frames(np.where(missing[..., None, None], np.float32(9), frames.values), frames.times, missing)
    held = frames.values.copy()
    held[40:60, 0], held[30:45, 1] = held[39, 0], held[29, 1]
    expected, gate = IdleGate(FACTS), IdleGate(FACTS)
    expected.listen(Frames.complete(held, frames.times))
    for part in (slice(0, 35), slice(35, 50), slice(50, None)):
        gate.listen(spoilt[part])
    np.testing.assert_array_equal(gate.push(emission).log_probs, expected.push(emission).log_probs)
