"""Streams of two bands, each with its clock, jitter and losses, become chunks on one clock."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.notice import sentences
from messages.signal import F64, Chunk, Layout, joined
from streamer.arrival.intake import Delivery, Intake
from streamer.arrival.merger import Merger

RATE = 2000.0
MODULUS = 2**24
LAYOUT = Layout(RATE, "uV", ("left", "right"), 3)


def merger() -> Merger:
    return Merger(LAYOUT, [Intake(f"s{n}", RATE, MODULUS, 100.0) for n in range(2)])


def band(
    seconds: float, *, ppm: float = 0.0, phase: float = 0.0, jitter: float = 0.0, late: float = 0.0, seed: int = 0
) -> list[Delivery]:
    """Packets of 16, stamped with jitter, `late` s on their way; the first electrode tells ms since 100 s."""
    rng = np.random.default_rng(seed)
    true = 100 + phase / RATE + np.arange(round(seconds * RATE / 16) * 16) / (RATE * (1 + 1e-6 * ppm))
    stamps = true + np.repeat(rng.uniform(-jitter / 2, jitter / 2, len(true) // 16), 16)
    values = rng.normal(0, 40, (len(true), 3))
    values[:, 0] = 1e3 * (true - 100)
    arrived = np.maximum.accumulate(true[15::16] + late + rng.uniform(0, 0.02, len(true) // 16)).tolist()
    return [
        Delivery(
            values[at : at + 16].astype(np.float32),
            stamps[at : at + 16],
            np.arange(at, at + 16),
            arrived[at // 16],
        )
        for at in range(0, len(true), 16)
    ]


def feed(into: Merger, *streams: Sequence[Delivery]) -> Chunk | None:
    """In the order of arrival."""
    queue = sorted(((d.arrived, n, at) for n, ds in enumerate(streams) for at, d in enumerate(ds)), key=lambda x: x[0])
    return joined([chunk for _, n, at in queue for chunk in into.push(n, streams[n][at])])


def seconds_of(chunk: Chunk, side: int) -> F64:
    """When each sample was taken, since 100 s, as it says itself."""
    return 1e-3 * chunk.samples[:, side, 0].astype(np.float64)


@pytest.mark.parametrize("ppm", [50.0, -200.0])
def test_two_clocks_with_jitter_and_latency_become_one(ppm: float) -> None:
    into = merger()
    chunk = feed(into, band(12.0, jitter=0.02, seed=1), band(12.0, ppm=ppm, phase=0.4, jitter=0.02, late=0.03, seed=2))
    assert chunk is not None
    left, right = seconds_of(chunk, 0), seconds_of(chunk, 1)
    assert np.abs(left - right)[left > 5.0].max() < 2.5e-3
    assert np.abs(left - right).max() < 0.02
    assert into.skew == pytest.approx(0.03, abs=4e-3)
    assert into.figures()["drift_ppm"] == pytest.approx(ppm, abs=60)
    assert into.notices() == []
    assert into.lost == 0


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 60)), max_size=30),
    st.sampled_from([0.0, 120.0]),
    st.booleans(),
)
def test_any_cut_and_interleaving_gives_the_same(order: list[tuple[int, int]], ppm: float, lossy: bool) -> None:
    streams = [
        [d for at, d in enumerate(ds) if not lossy or at % 61]
        for ds in (band(0.8, jitter=0.01, seed=3), band(0.8, ppm=ppm, jitter=0.01, late=0.03, seed=4))
    ]
    pieces: list[list[Delivery]] = [[], []]
    for number, ds in enumerate(streams):
        size = next((s for n, s in order if n == number), 7) % 16 or 5
        for d in ds:
            for at in range(0, 16, size):
                part = slice(at, at + size)
                assert d.numbers is not None
                pieces[number].append(Delivery(d.samples[part], d.stamps[part], d.numbers[part], d.arrived))
    whole, pieced = merger(), merger()
    expected = joined([chunk for n, ds in enumerate(streams) for d in ds for chunk in whole.push(n, d)])
    got = []
    for number, count in [*order, (1, 10**6), (0, 10**6)]:
        for d in pieces[number][:count]:
            got += pieced.push(number, d)
        del pieces[number][:count]
    found = joined(got)
    assert expected is not None
    assert found is not None
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.samples, expected.samples)
    assert pieced.figures() == whole.figures()


def test_packets_lost_by_one_band_are_missing_in_that_band_alone() -> None:
    into = merger()
    right = band(2.0)
    chunk = feed(into, band(2.0), [d for at, d in enumerate(right) if not 100 <= at < 110])
    assert chunk is not None
    assert np.flatnonzero(np.isnan(chunk.samples[:, 1, 0])).tolist() == list(range(1600, 1760))
    assert np.isfinite(chunk.samples[:, 0]).all()
    np.testing.assert_allclose(np.diff(chunk.times), 1 / RATE, rtol=0, atol=1e-6)
    assert into.figures()["lost"] == into.figures()["filled"] == 160


@pytest.mark.parametrize("gone", [0, 1])
def test_without_one_band_nothing_comes_out_until_it_is_back(gone: int) -> None:
    into = merger()
    streams = [band(5.0), band(5.0)]
    streams[gone] = [d for d in streams[gone] if not 101.0 <= d.stamps[0] < 104.0]
    chunk = feed(into, *streams)
    assert chunk is not None
    apart = np.diff(chunk.times)
    assert np.flatnonzero(apart > 0.2).size == 1
    assert apart.max() == pytest.approx(3.0, abs=0.02)
    assert np.isfinite(chunk.samples).all()


def test_a_band_that_comes_later_than_in_training_is_reported() -> None:
    into = merger()
    feed(into, band(2.0, late=0.08), band(2.0))
    assert into.skew == pytest.approx(-0.08, abs=4e-3)
    (problem,) = sentences(into.notices())
    assert problem.startswith("the left band's samples come 8")
    assert "expected at most 60" in problem


def test_one_stream_of_both_bands_has_no_skew() -> None:
    into = Merger(LAYOUT, [Intake("both", RATE, None, 100.0)])
    rows = np.arange(64)
    samples = np.random.default_rng(0).normal(0, 10, (64, 6)).astype(np.float32)
    (chunk,) = into.push(0, Delivery(samples, 7 + rows / RATE, None, 8.0))
    np.testing.assert_array_equal(chunk.samples.reshape(64, 6), samples)
    assert into.skew is None
    assert "skew_ms" not in into.figures()
    assert into.lost is None


def test_another_rate_is_a_notice_where_its_samples_are_withheld() -> None:
    into = Merger(LAYOUT, [Intake(name, RATE, MODULUS, 100.0, withhold=True) for name in ("a", "b")])
    streams = band(12.0), band(12.0)
    slow = [Delivery(d.samples, 100 + 1.1 * (d.stamps - 100), d.numbers, 115.0) for d in streams[1]]
    for number, deliveries in enumerate((streams[0], slow)):
        for delivery in deliveries:
            into.push(number, delivery)
    assert any("stream 'b' sends about 1818 samples a second" in problem for problem in sentences(into.notices()))
