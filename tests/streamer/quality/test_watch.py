"""The watch of the signal names faults within seconds, and none if nothing is wrong; no cut shows."""

from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import pytest

from emgtype.texts import load_text
from messages.signal import Chunk
from simulator import faults
from simulator.person import make_person
from simulator.session import LAYOUT, simulate, typing_session
from streamer.conditioning.corrections import Corrections
from streamer.conditioning.placement import Placement
from streamer.quality.rules import Fault, sentences
from streamer.quality.watch import Change, SignalWatch

TEXT = ["the quick brown fox jumps over the lazy dog and runs away from all the bears in the forest"] * 20
Spoil = Callable[[Chunk], Chunk]


@cache
def typed(donning: int = 3003, seconds: float = 24.0, text: Sequence[str] = tuple(TEXT)) -> Chunk:
    """Return the signal of a person who types."""
    return joined(list(typing_session(make_person(1), donning, text, seconds).chunks()))


@cache
def rested() -> Chunk:
    """Return the signal of the same person at rest."""
    return joined(list(simulate(make_person(1), (), 3003, 0.0, 6.0)))


def joined(chunks: Sequence[Chunk]) -> Chunk:
    samples, times = ([getattr(chunk, name) for chunk in chunks] for name in ("samples", "times"))
    return Chunk(np.concatenate(samples), np.concatenate(times), LAYOUT)


def part(chunk: Chunk, start: int, end: int) -> Chunk:
    return Chunk(chunk.samples[start:end], chunk.times[start:end], LAYOUT)


def watched(chunk: Chunk, watch: SignalWatch | None = None, cuts: Sequence[int] | None = None) -> list[Change]:
    """Return all changes, of pieces of 64 samples unless cuts are given."""
    watch = watch or SignalWatch(LAYOUT)
    ends = range(64, len(chunk.times) + 64, 64) if cuts is None else [*cuts, len(chunk.times)]
    changes, start = [], 0
    for end in ends:
        changes += watch.push(part(chunk, start, end))
        start = end
    return changes


def begun(chunk: Chunk) -> list[str]:
    """Return a sentence for each fault that begins."""
    return sentences([change.fault for change in watched(chunk) if change.begins], LAYOUT)


def begun_soon(chunk: Chunk, spoil: Spoil) -> list[str]:
    """Return a sentence for each fault that begins in the first five seconds."""
    return begun(spoil(part(chunk, 0, round(5 * LAYOUT.rate))))


def test_neither_typing_nor_rest_is_a_fault() -> None:
    assert watched(typed()) == []
    assert watched(rested()) == []


@pytest.mark.parametrize("make", [typed, rested], ids=["typing", "at rest"])
def test_a_flat_electrode_is_named_within_five_seconds(make: Callable[[], Chunk]) -> None:
    found = begun_soon(make(), partial(faults.dead, band=0, electrodes=[5]))
    assert found == ["electrode 5 of the left band gives nothing: press it to the skin, or clean it"]


def test_a_contact_that_gives_noise_alone_is_named_within_five_seconds_of_typing() -> None:
    # The first two seconds are of rest.
    after_rest = part(typed(), 4000, len(typed().times))
    found = begun_soon(after_rest, partial(faults.dead, band=1, electrodes=[2, 9], remains=0.03))
    assert found == ["electrodes 2 and 9 of the right band give nothing: press them to the skin, or clean them"]


def test_a_band_that_is_off_is_named_in_one_sentence() -> None:
    found = begun_soon(rested(), partial(faults.dead, band=1, electrodes=range(16)))
    assert found == ["the right band gives nothing: press it to the skin, or clean it"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (partial(faults.hum, microvolts=5.0, bands=[1]), Fault("hum", 1)),
        (partial(faults.hum, microvolts=5.0, frequency=60.0, bands=[0]), Fault("hum", 0)),
        (partial(faults.noisy, band=0, electrode=7, microvolts=4.0), Fault("noisy", 0, 7)),
        (partial(faults.saturated, limit=15.0, band=1, electrodes=[4]), Fault("saturated", 1, 4)),
        (partial(faults.not_finite, band=1, electrode=15), Fault("not-finite", 1, 15)),
    ],
    ids=lambda value: value.code if isinstance(value, Fault) else "",
)
def test_each_fault_is_found_and_no_other(spoil: Spoil, fault: Fault) -> None:
    changes = watched(spoil(part(typed(), 0, 24000)))
    assert {change.fault for change in changes if change.begins} == {fault}


def test_a_wrong_unit_a_wrong_rate_and_coarse_steps_are_found() -> None:
    millivolts = Chunk((typed().samples / 1000).astype(np.float32), typed().times, LAYOUT)
    slow = Chunk(typed().samples, typed().times * 1.1, LAYOUT)
    coarse = Chunk((np.round(typed().samples / 10) * 10).astype(np.float32), typed().times, LAYOUT)
    assert "it seems to be in mV" in " ".join(begun(millivolts))
    assert begun(slow) == ["the samples come at 1818 Hz, expected 2000 Hz: set the device to the rate of the model"]
    assert begun(coarse)[0].startswith("the samples move in steps of 10 µV (10.4 bits): ")


def test_missing_samples_are_no_fault_of_an_electrode() -> None:
    holes = typed().samples.copy()
    holes[5000:5200] = np.nan
    holes[9000:9100, 1] = np.nan
    assert watched(Chunk(holes, typed().times, LAYOUT)) == []


def test_a_fault_changes_once_when_it_begins_and_once_when_it_ends() -> None:
    sick, well = part(typed(), 8000, 24000), part(typed(), 24000, 40000)
    changes = watched(joined([faults.dead(sick, 0, [5]), well]))
    assert changes == [Change(Fault("dead", 0, 5), True), Change(Fault("dead", 0, 5), False)]
    assert sentences([changes[1].fault], LAYOUT, over=True) == ["over: electrode 5 of the left band gives nothing"]


def test_the_cut_does_not_matter() -> None:
    chunk = faults.hum(faults.noisy(typed(), 0, 7, 4.0), 5.0)
    expected = watched(chunk, cuts=[])
    assert len(expected) >= 3
    rng = np.random.default_rng(2)
    for cuts in (sorted(rng.integers(0, len(chunk.times), 50).tolist()), list(range(1, len(chunk.times), 7))):
        watch = SignalWatch(LAYOUT)
        assert watched(chunk, watch, cuts) == expected
    assert np.array_equal(watch.figures().levels, _figures(chunk))


def _figures(chunk: Chunk) -> np.ndarray:
    watch = SignalWatch(LAYOUT)
    watch.push(chunk)
    return watch.figures().levels


def test_single_samples_after_a_reset_give_the_same() -> None:
    chunk = faults.dead(part(typed(), 0, 6500), 0, [3])
    watch = SignalWatch(LAYOUT)
    expected = watched(chunk, watch, cuts=[])
    assert expected
    watch.reset()
    assert watch.faults == ()
    assert watched(chunk, watch, cuts=list(range(1, 6500))) == expected


def test_a_turned_or_fainter_band_is_found_by_the_reference() -> None:
    watch = SignalWatch(LAYOUT)
    watch.push(typed())
    reference = watch.learn_reference()
    assert reference is not None
    put_on = [Placement(4), Placement(-7, True)]
    wrong = faults.louder(faults.worn(typed(3011), put_on), 0, 0.3)
    again = SignalWatch(LAYOUT, reference=reference)
    changes = watched(wrong, again)
    assert {change.fault for change in changes} == {Fault("turned", 0), Fault("mirrored", 1), Fault("level", 0)}
    assert [fit.placement for fit in again.fits] == put_on
    corrected = SignalWatch(LAYOUT, Corrections((4, -7), (False, True), (1 / 0.3, 1.0)), reference)
    assert watched(wrong, corrected) == []


def test_swapped_bands_are_reported_instead_of_where_they_sit() -> None:
    text = tuple(load_text("test"))
    watch = SignalWatch(LAYOUT)
    watch.push(typed(6999, 32.0, text))
    reference = watch.learn_reference()
    assert reference is not None
    worn = faults.worn(typed(7003, 32.0, text), [Placement(4, True), Placement()])
    swapped = Chunk(worn.samples[:, ::-1], worn.times, LAYOUT)
    watch_of_swapped = SignalWatch(LAYOUT, reference=reference)
    found = sentences([change.fault for change in watched(swapped, watch_of_swapped) if change.begins], LAYOUT)
    assert any(sentence.startswith("left and right are swapped: put each band on the other arm") for sentence in found)
    again = SignalWatch(LAYOUT, reference=reference)
    assert {change.fault for change in watched(worn, again)} == {Fault("mirrored", 0)}


def test_a_rest_gives_no_reference() -> None:
    watch = SignalWatch(LAYOUT)
    for _ in range(4):
        watch.push(rested())
    assert watch.learn_reference() is None
