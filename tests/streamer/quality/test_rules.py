"""The rules for faults, on seconds that are made by hand: each limit on both of its sides."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from messages.signal import F64, Layout
from streamer.conditioning.placement import Fit
from streamer.quality._second import SignalSecond
from streamer.quality.rules import Fault, Judge, effective_bits, sentences

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
SHAPE = (LAYOUT.bands, LAYOUT.electrodes)
LINES = (2, 5, *SHAPE)


def good_second(power: float = 100.0) -> SignalSecond:
    """Return a second of 10 µV rms at every electrode, without a fault."""
    return SignalSecond(
        rate=2000.0,
        step=0.5,
        bad=np.zeros(SHAPE, np.bool_),
        flat=np.zeros(SHAPE, np.bool_),
        clipped=np.zeros(SHAPE, np.int64),
        power=np.full(SHAPE, power),
        crackle=np.ones(SHAPE),
        lines=np.ones(LINES),
        beside=np.ones(LINES),
        together=np.zeros((*SHAPE, LAYOUT.electrodes)),
        coactive=np.zeros((*SHAPE, LAYOUT.electrodes)),
    )


def at(value: float, band: int, electrode: int, otherwise: float = 0.0) -> F64:
    """Return (bands, electrodes), `value` at one electrode."""
    values = np.full(SHAPE, otherwise)
    values[band, electrode] = value
    return values


def codes(seconds: list[SignalSecond]) -> list[str]:
    return [fault.code for fault in Judge(LAYOUT).faults(seconds)]


def test_good_seconds_have_no_fault() -> None:
    for count in (1, 3, 5, 10, 30):
        assert not list(Judge(LAYOUT).faults([good_second()] * count))


def test_values_that_are_not_numbers_are_a_fault_at_once_and_only_then() -> None:
    bad = replace(good_second(), bad=at(1, 1, 3) > 0)
    assert list(Judge(LAYOUT).faults([good_second(), bad])) == [Fault("not-finite", 1, 3)]
    assert not codes([bad, good_second()])


def test_a_constant_electrode_is_dead_after_two_seconds() -> None:
    flat = replace(good_second(), flat=at(1, 0, 2) > 0)
    assert not codes([flat])
    assert not codes([good_second(), good_second(), flat])
    assert list(Judge(LAYOUT).faults([flat, flat])) == [Fault("dead", 0, 2)]
    assert list(Judge(LAYOUT).faults([good_second(), flat, flat])) == [Fault("dead", 0, 2)]


def test_an_electrode_far_below_its_band_is_dead_after_three_seconds() -> None:
    def faint(decibels: float) -> SignalSecond:
        return replace(good_second(), power=at(100 * 10 ** (decibels / 10), 1, 1, otherwise=100.0))

    assert not codes([faint(-12.5)] * 2)
    assert list(Judge(LAYOUT).faults([faint(-12.5)] * 3)) == [Fault("dead", 1, 1)]
    assert not codes([faint(-12.5), faint(-11.5), faint(-12.5)])


def test_missing_values_do_not_make_an_electrode_dead() -> None:
    faint = replace(good_second(), power=at(0.001, 1, 1, otherwise=100.0), bad=at(1, 1, 1) > 0)
    assert codes([faint] * 3) == ["not-finite"]


def test_an_electrode_is_clipped_beyond_one_sample_in_ten_thousand() -> None:
    def clipped(count: int) -> SignalSecond:
        return replace(good_second(), clipped=at(count, 0, 0).astype(np.int64))

    assert not codes([clipped(2)])
    assert list(Judge(LAYOUT).faults([clipped(3)])) == [Fault("saturated", 0, 0)]
    # Those of the last five seconds are added up.
    assert codes([clipped(1)] * 3) == ["saturated"]
    assert not codes([clipped(3), *[good_second()] * 5])


def test_a_dead_electrode_is_nothing_else() -> None:
    dead = replace(
        good_second(), flat=at(1, 0, 0) > 0, clipped=at(1000, 0, 0).astype(np.int64), crackle=at(99, 0, 0, otherwise=1)
    )
    assert list(Judge(LAYOUT).faults([dead] * 10)) == [Fault("dead", 0, 0)]


def test_crackling_counts_by_the_median_of_five_seconds_or_more() -> None:
    crackling = replace(good_second(), crackle=at(10**0.55, 1, 2, otherwise=1.0))
    assert not codes([crackling] * 4)
    assert list(Judge(LAYOUT).faults([crackling] * 5)) == [Fault("noisy", 1, 2)]
    assert not codes([*[good_second()] * 5, *[crackling] * 4])
    assert not codes([replace(good_second(), crackle=at(10**0.45, 1, 2, otherwise=1.0))] * 5)


def humming(mains: int, band: int, electrodes: slice, power: float) -> SignalSecond:
    lines = np.ones(LINES)
    lines[mains, 1, band, electrodes] = power
    return replace(good_second(), lines=lines)


def test_hum_of_a_band_is_one_fault_with_its_frequency() -> None:
    (fault,) = Judge(LAYOUT).faults([humming(0, 1, slice(None), 10.0)] * 10)
    assert (fault, fault.detail) == (Fault("hum", 1), "50 Hz, 3.0 µV")
    assert not codes([humming(0, 1, slice(None), 10.0)] * 9)
    assert not codes([humming(0, 1, slice(None), 3.9)] * 10)


def test_hum_of_one_electrode_must_stand_out_more() -> None:
    (fault,) = Judge(LAYOUT).faults([humming(1, 0, slice(2, 3), 17.0)] * 10)
    assert (fault, fault.detail) == (Fault("hum", 0, 2), "60 Hz, 4.0 µV")
    assert not codes([humming(1, 0, slice(2, 3), 15.0)] * 10)


def test_hum_is_looked_for_in_the_quieter_half_of_the_seconds() -> None:
    hum = humming(0, 1, slice(None), 10.0)
    loud_hum, quiet_hum = replace(hum, power=np.full(SHAPE, 400.0)), replace(hum, power=np.full(SHAPE, 25.0))
    assert not codes([*[loud_hum] * 5, *[good_second()] * 5])
    assert codes([*[quiet_hum] * 5, *[good_second()] * 5]) == ["hum"]


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        (lambda second: replace(second, rate=2041.0), "rate", "2041 Hz, expected 2000 Hz"),
        (lambda second: replace(second, step=10.0), "resolution", "10 µV (10.4 bits)"),
        (lambda second: replace(second, power=np.full(SHAPE, 1e-4)), "unit", "0.01 µV rms, so it seems to be in mV"),
        (lambda second: replace(second, power=np.full(SHAPE, 1e18)), "unit", "1e+09 µV rms"),
    ],
)
def test_faults_of_the_whole_stream(change: Callable[[SignalSecond], SignalSecond], code: str, detail: str) -> None:
    changed = change(good_second())
    assert not codes([changed] * 4)
    (fault,) = Judge(LAYOUT).faults([changed] * 5)
    assert (fault.code, fault.band, fault.electrode, fault.detail) == (code, None, None, detail)


def test_what_is_within_the_limits_of_a_stream_is_no_fault() -> None:
    assert not codes([replace(good_second(), rate=2039.0, step=8.0, power=np.full(SHAPE, 0.05))] * 5)


def test_steps_and_levels_are_judged_only_in_microvolts() -> None:
    other = Judge(replace(LAYOUT, unit="V"))
    assert not list(other.faults([replace(good_second(), step=10.0, power=np.full(SHAPE, 1e-4))] * 5))


def fit(turn: float, mirror: bool = False, lead: float = 2.0) -> Fit:
    return Fit(turn, mirror, 0.05, lead)


def test_bands_that_sit_otherwise_are_a_fault_if_that_is_sure() -> None:
    def found(*fits: Fit) -> list[Fault]:
        return list(Judge(LAYOUT).band_faults(fits, np.zeros(SHAPE), np.zeros(SHAPE)))

    assert not found(fit(1.375), fit(-1.375))
    assert found(fit(1.625), fit(-3.0)) == [Fault("turned", 0), Fault("turned", 1)]
    assert [fault.detail for fault in found(fit(1.625), fit(-3.0))] == ["2 electrodes", "3 electrodes"]
    assert found(fit(0.0), fit(5.0, mirror=True)) == [Fault("mirrored", 1)]
    assert not found(fit(5.0, lead=1.05), fit(0.0, mirror=True, lead=1.05))


def test_bands_that_are_louder_or_fainter_are_a_fault_beyond_6_db() -> None:
    levels = np.repeat([[6.5], [-5.5]], LAYOUT.electrodes, axis=1)
    judge, fits = Judge(LAYOUT), (fit(0.0), fit(0.0))
    (louder,) = judge.band_faults(fits, levels, np.zeros(SHAPE))
    assert (louder, louder.detail) == (Fault("level", 0), "6 dB louder")
    (fainter,) = judge.band_faults(fits, -levels, np.zeros(SHAPE))
    assert (fainter, fainter.detail) == (Fault("level", 0), "6 dB fainter")


def test_electrodes_of_one_band_share_a_sentence() -> None:
    faults = [Fault("dead", 1, 2), Fault("dead", 0, 3), Fault("dead", 1, 0), Fault("dead", 1, 2)]
    assert sentences(faults, LAYOUT) == [
        "electrode 3 of the left band gives nothing: press it to the skin, or clean it",
        "electrodes 0 and 2 of the right band give nothing: press them to the skin, or clean them",
    ]
    whole = [Fault("dead", 0, electrode) for electrode in range(LAYOUT.electrodes)]
    assert sentences(whole, LAYOUT, over=True) == ["over: the left band gives nothing"]


def test_bits_of_the_devices_range() -> None:
    assert effective_bits(2 * 6600.0 / 2**12) == pytest.approx(12)
