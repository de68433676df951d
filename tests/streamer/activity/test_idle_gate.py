"""The idle gate on signals made by hand: noise at rest, bursts for keys, a steady roar for fists."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import BundleFacts, StftFacts
from messages.signal import Chunk, Layout
from messages.tables import build
from messages.text import TextEvent
from streamer.activity.clench_switch import ClenchSwitch
from streamer.activity.idle_gate import TYPING, GateSettings, IdleGate
from streamer.activity.loudness import Floor, Levels
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.stft import Spectrogram
from streamer.pipeline import Pipeline

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
FACTS = BundleFacts("made", "Apache-2.0", LAYOUT, StftFacts(), ("a", "b", "⌫"), 3, 4, 10, ())
CONTEXT = FACTS.receptive_field - 1
REST, POSTURE, KEY, FIST = 1.0, 3.0, 8.0, 12.0  # rms, in units of the rest
CLIP = 3.0  # where an amplifier does, in these units
Part = tuple[float, float, float]
"""Seconds, and how loud the left and the right band are."""
FINGERS: list[Part] = [
    (0.12, POSTURE, POSTURE),
    (0.06, KEY, POSTURE),
    (0.12, POSTURE, POSTURE),
    (0.06, POSTURE, KEY),
]
SOFT: list[Part] = [(seconds, min(left, 5.0), min(right, 5.0)) for seconds, left, right in FINGERS]


def loud_of(parts: Sequence[Part]) -> npt.NDArray[np.float64]:
    """(samples, bands)."""
    return np.concatenate([np.tile([left, right], (round(s * LAYOUT.rate), 1)) for s, left, right in parts])


def signal(parts: Sequence[Part], seed: int = 0) -> Chunk:
    loud = loud_of(parts)
    samples = loud[:, :, None] * np.random.default_rng(seed).normal(size=(*loud.shape, LAYOUT.electrodes))
    return Chunk(samples.astype(np.float32), np.arange(len(loud)) / LAYOUT.rate, LAYOUT)


def frames_of(chunk: Chunk) -> npt.NDArray[np.float32]:
    return Spectrogram(FACTS.stft).push(chunk.samples, chunk.times)[0]


def keys_heard(parts: Sequence[Part]) -> Emission:
    """A key in every frame that ends in a burst, else blank, never as sure of it as where the gate is closed."""
    newest = loud_of(parts)[FACTS.stft.window - 1 :: FACTS.stft.hop].max(axis=1)[CONTEXT:]
    log_probs = np.full((len(newest), len(FACTS.classes) + 1), -5.0, np.float32)
    log_probs[np.arange(len(newest)), np.where((newest > POSTURE) & (newest < FIST), 0, FACTS.blank)] = -0.05
    return Emission(log_probs, 0.008 * np.arange(len(newest), dtype=np.float64))


def opened(gate: IdleGate, parts: Sequence[Part], clipped: tuple[float, float] = (0, 0)) -> list[float]:
    """Share of each part in which the gate is open, the frames that straddle two left out; the amplifier clips from
    and to these seconds."""
    chunk = signal(parts)
    samples = chunk.samples[slice(*(round(seconds * LAYOUT.rate) for seconds in clipped))]
    np.clip(samples, -CLIP, CLIP, out=samples)
    frames = frames_of(chunk)
    gate.listen(frames)
    heard = keys_heard(parts)
    passed = gate.push(heard)
    closed = passed.log_probs[:, 3] == 0
    np.testing.assert_array_equal(passed.log_probs[~closed], heard.log_probs[~closed])
    ends = np.cumsum([seconds for seconds, _, _ in parts]) * LAYOUT.rate / FACTS.stft.hop
    pieces = np.split(np.concatenate([np.zeros(CONTEXT, np.bool_), ~closed]), np.round(ends[:-1]).astype(int))
    return [float(piece[4:].mean()) for piece in pieces if len(piece) > 4]


def test_it_opens_with_a_burst_and_stays_open_as_long_as_the_encoder_is_late() -> None:
    rest, key, soon, _, late = opened(
        IdleGate(FACTS), [(4, REST, REST), (0.08, KEY, POSTURE), (0.12, REST, REST), (0.3, REST, REST), (2, REST, REST)]
    )
    assert rest < 0.4  # known after 1.5 s
    assert key > 0.5
    assert soon == 1
    assert late == 0


def test_typing_is_let_through_and_never_learnt_as_rest() -> None:
    gate = IdleGate(FACTS)
    *_, first, last = opened(gate, [(3, REST, REST), *FINGERS * 150, (0.1, KEY, POSTURE), (0.1, KEY, POSTURE)])
    assert first == last == 1
    assert gate.closed < 0.1 * gate.frames
    assert gate.typing != TYPING  # but their level was


def test_typing_that_is_clipped_until_it_is_even_is_no_rest_so_softer_keys_behind_it_pass() -> None:
    parts: list[Part] = [(3, REST, REST), *FINGERS * 20, *FINGERS * 20, *SOFT * 10]  # 7.2 s each, but the soft keys
    soft = opened(IdleGate(FACTS), parts, clipped=(10.2, 17.4))[-len(SOFT) * 10 :]
    assert min(soft[1:]) == 1  # from the first key on


def test_two_gates_that_hear_the_same_soon_know_the_same() -> None:
    loud: list[Part] = [(seconds, 1.5 * left, 1.5 * right) for seconds, left, right in FINGERS]
    aged, fresh = IdleGate(FACTS), IdleGate(FACTS)
    opened(aged, [(3, REST, REST), *loud * 60])
    aged.finish()
    assert aged.typing > fresh.typing + 2
    parts: list[Part] = [(3, REST, REST), *FINGERS * 150]
    opened(aged, parts)
    opened(fresh, parts)
    assert aged.typing == fresh.typing


def test_who_types_from_the_first_moment_is_heard() -> None:
    gate = IdleGate(FACTS)
    assert min(opened(gate, FINGERS * 100)[8:]) == 1
    assert not gate.known


def test_fists_close_it_and_so_do_hands_that_rest_on_the_noise_of_other_contacts() -> None:
    parts: list[Part] = [(3, REST, REST), (0.2, FIST, FIST), (3, FIST, FIST), (0.3, REST, REST), (1, REST, REST)]
    assert opened(IdleGate(FACTS), parts)[2] < 0.05
    assert opened(IdleGate(FACTS), parts)[4] == 0
    noisier: list[Part] = [(3, REST, REST), (3, 3 * REST, 3 * REST), (3, 3 * REST, 3 * REST)]
    assert opened(IdleGate(FACTS), noisier)[2] == 0
    quieter: list[Part] = [(3, 3 * REST, 3 * REST), (0.5, REST, REST), *FINGERS * 20]
    assert min(opened(IdleGate(FACTS), quieter)[6:]) == 1


def test_fists_no_louder_than_keys_close_it_when_they_stay_even_though_keys_are_heard_in_them() -> None:
    fists: list[Part] = [(3, REST, REST), (2, 5.5, 5.5), (4, 5.5, 5.5), (1.5, REST, REST), (0.1, KEY, KEY)]
    assert opened(IdleGate(FACTS), fists)[2] == 0
    assert opened(IdleGate(FACTS), fists)[4] > 0.5  # and are not taken for rest


def test_one_hand_alone_is_a_matter_of_the_settings() -> None:
    mouse: list[Part] = [(3, REST, REST), *[(0.3, REST, REST), (0.08, REST, KEY)] * 20, (0.08, REST, REST)]
    assert opened(IdleGate(FACTS), mouse)[-1] == 0
    assert opened(IdleGate(FACTS, GateSettings(posture_db=0.0)), mouse)[-1] == 1


def test_an_electrode_that_loses_its_contact_changes_little() -> None:
    parts: list[Part] = [(3, REST, REST), *FINGERS * 60]
    gate, typing = IdleGate(FACTS), signal(parts)
    typing.samples[6000:, 0, 1] = 0.0
    gate.listen(frames_of(typing))
    gate.push(keys_heard(parts))
    assert gate.closed < 0.35 * gate.frames  # the rest alone is 0.2


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=12).map(sorted), behind=st.integers(0, 200))
def test_any_cut_gives_the_same_emissions(cuts: list[int], behind: int) -> None:
    parts: list[Part] = [(2, REST, REST), *FINGERS * 4, (0.5, FIST, FIST), (0.6, REST, REST), *FINGERS * 3]
    frames = frames_of(signal(parts))
    heard = keys_heard(parts)
    whole, pieces, single = (IdleGate(FACTS) for _ in range(3))

    def said(gate: IdleGate, ends: Sequence[int], late: int) -> npt.NDArray[np.float32]:
        found, done = [], 0
        for first, last in zip([0, *ends], [*ends, len(frames)], strict=True):
            gate.listen(frames[first:last])
            until = max(done, min(last - late, len(frames)) - CONTEXT) if last < len(frames) else len(heard.times)
            found.append(gate.push(Emission(heard.log_probs[done:until], heard.times[done:until])).log_probs)
            done = until
        return np.concatenate(found)

    expected = said(whole, [], 0)
    ends = [cut for cut in cuts if cut < len(frames)]
    np.testing.assert_array_equal(said(pieces, ends, behind), expected)
    np.testing.assert_array_equal(said(single, range(1, len(frames)), 0), expected)
    assert 0 < whole.closed < whole.frames
    assert (whole.closed, whole.frames, whole.typing) == (pieces.closed, pieces.frames, pieces.typing)


class Deaf:
    """A decoder that says nothing."""

    def push(self, emission: Emission) -> TextEvent | None:
        return None

    def finish(self) -> TextEvent | None:
        return None

    def reset(self) -> None:
        return


@pytest.mark.parametrize("pieces", [[], [1, 777, 5000, 5001], list(range(16, 9000, 16))])
def test_a_pipeline_hears_nothing_where_the_gate_is_closed(small_onnx: Path, pieces: list[int]) -> None:
    chunk = signal([(14, REST, REST), *FINGERS * 3, (1, REST, REST)])  # the model hears much in them

    def heard(gate: IdleGate | None, cuts: list[int]) -> npt.NDArray[np.float32]:
        said: list[Emission] = []
        pipeline = Pipeline(OnnxEncoder.load(str(small_onnx)), Deaf(), tap=said.append, gate=gate)
        for samples, times in zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True):
            pipeline.push(Chunk(samples, times, LAYOUT))
        pipeline.finish()
        return np.concatenate([emission.log_probs for emission in said])

    facts = OnnxEncoder.load(str(small_onnx)).facts
    gate = IdleGate(facts)
    bare, gated = heard(None, pieces), heard(gate, pieces)
    shut = gated[:, facts.blank] == 0
    assert gate.frames == len(bare)
    assert gate.closed == shut.sum() > 0.1 * len(bare)
    np.testing.assert_array_equal(gated[~shut], bare[~shut])
    np.testing.assert_array_equal(gated, heard(IdleGate(facts), []))


def test_after_a_gap_the_floor_is_known_and_after_a_reset_it_is_not() -> None:
    gate = IdleGate(FACTS)
    opened(gate, [(3, REST, REST)])
    gate.finish()
    assert opened(gate, [(1, REST, REST)]) == [0]
    gate.reset()
    assert not gate.known
    assert opened(gate, [(1, REST, REST)])[0] > 0.5


@pytest.mark.parametrize("wrong", [{"burst_tolerance_db": -1.0}, {"posture_db": 31.0}, {"clench_margin_db": 61.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        build(GateSettings, wrong, "[gate]")


def test_the_floor_rises_in_steady_rest_alone_unless_what_is_doubtful_lasts_unbroken() -> None:
    floor = Floor(FACTS.stft, LAYOUT)
    floor.learn([5.0, 6.0], steady=False, doubtful=False)
    assert floor.fall([0.0, 0.0]) is None
    floor.learn([5.0, 6.0], steady=True, doubtful=False)
    assert floor.fall([9.0, 1.0]) == [5.0, 3.0]
    for _ in range(1250):
        floor.learn([25.0, 26.0], steady=True, doubtful=True)
    floor.learn([25.0, 26.0], steady=False, doubtful=True)
    for _ in range(1250):
        floor.learn([25.0, 26.0], steady=True, doubtful=True)
    assert floor.levels == [5.0, 3.0]
    floor.learn([25.0, 26.0], steady=True, doubtful=True)
    assert floor.levels == [25.0, 26.0]


def test_levels_are_decibels_of_the_power_in_the_band() -> None:
    frames = np.full((400, 2, 4, 33), 2.0, np.float32)  # log10 power
    frames[:, 1] = 0.5
    loudness = Levels(FACTS.stft, LAYOUT).push(frames)
    for column in (loudness.burst, loudness.posture, loudness.swell, loudness.lasting, loudness.quiet, loudness.rest):
        np.testing.assert_allclose(column, np.tile([20.0, 5.0], (400, 1)), atol=1e-9)
    assert np.flatnonzero(loudness.steady)[0] == 187  # 1.5 s


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 24_000), max_size=10).map(sorted))
def test_a_long_clench_is_told_once_however_the_samples_are_cut(cuts: list[int]) -> None:
    chunk = signal(
        [(3, REST, REST), (0.5, FIST, FIST), (1, REST, REST), *FINGERS * 5, (3, FIST, FIST), (2, REST, REST)]
    )
    switch = ClenchSwitch(FACTS, 1.0)
    pieces = zip(np.split(chunk.samples, cuts), np.split(chunk.times, cuts), strict=True)
    assert sum(switch.push(Chunk(samples, times, LAYOUT)) for samples, times in pieces) == 1
    fists = signal([(3, FIST, FIST)])
    assert switch.push(fists) == 1
    assert switch.push(fists) == 0  # it is the same one
    fists.samples[-1] = np.nan
    assert switch.push(fists) == 0  # missing samples break it off
    assert switch.push(signal([(2, FIST, FIST)])) == 1
