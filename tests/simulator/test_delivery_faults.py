"""Faults of the delivery: the same packets however the signal is cut, and every sample accounted for."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from messages.errors import InputError
from messages.signal import Chunk
from simulator.delivery_faults import LATENCY, PACKET, FaultyDelivery, Packet, faulty_packets
from simulator.fault_plan import KINDS, parse_faults
from simulator.session import LAYOUT

START = 1e6
SAMPLES = 6010
UPSTREAM = [kind for kind, what in KINDS.items() if what.where != "sink"]


def signal() -> Chunk:
    """Whose every value says when it was taken and where."""
    values = np.arange(SAMPLES, dtype=np.float32)[:, None, None] + np.zeros((1, 2, 16), np.float32)
    return Chunk(values, START + np.arange(SAMPLES) / LAYOUT.rate, LAYOUT)


def sent(text: str, cuts: Sequence[int] = (SAMPLES,), streams: int = 2) -> tuple[list[Packet], FaultyDelivery]:
    delivery = FaultyDelivery(LAYOUT, parse_faults(text, LAYOUT), streams, START)
    whole, chunks, first = signal(), [], 0
    for cut in cuts:
        chunks.append(Chunk(whole.samples[first:cut], whole.times[first:cut], LAYOUT))
        first = cut
    return list(faulty_packets(chunks, delivery)), delivery


@pytest.mark.parametrize("kind", UPSTREAM)
def test_the_cut_does_not_matter_and_packets_come_in_their_order(kind: str) -> None:
    text = f"{kind}@1+1.5"
    expected, delivery = sent(text)
    rng = np.random.default_rng(3)
    for cuts in (range(1, SAMPLES + 1), sorted({*rng.integers(1, SAMPLES, 30).tolist(), SAMPLES})):
        found, other = sent(text, list(cuts))
        assert len(found) == len(expected)
        assert other.lost == delivery.lost
        for one, two in zip(found, expected, strict=True):
            assert (one.stream, one.arrives) == (two.stream, two.arrives)
            for field in ("samples", "times", "stamps", "numbers"):
                assert np.array_equal(getattr(one, field), getattr(two, field), equal_nan=True)
    arrivals = [packet.arrives for packet in expected]
    assert arrivals == sorted(arrivals)
    assert all(packet.arrives >= packet.times[-1] + LATENCY - 1e-9 for packet in expected if len(packet.times))


@pytest.mark.parametrize("kind", UPSTREAM)
def test_every_sample_comes_or_is_counted_as_lost(kind: str) -> None:
    packets, delivery = sent(f"{kind}@1+1.5")
    for stream in range(2):
        times = np.concatenate([packet.times for packet in packets if packet.stream == stream])
        assert set(times) <= set(signal().times)
    different = sum(len(set(np.concatenate([p.times for p in packets if p.stream == stream]))) for stream in range(2))
    assert different + delivery.lost == 2 * SAMPLES
    assert (delivery.lost > 0) == (kind in {"loss", "bursts", "band", "disconnect"})


@pytest.mark.parametrize("kind", UPSTREAM)
def test_outside_of_its_time_nothing_is_wrong(kind: str) -> None:
    packets, _ = sent(f"{kind}@1+1.5/left" if kind != "disconnect" else f"{kind}@1+1.5")
    plain = {(packet.stream, packet.times[0]): packet for packet in sent("loss=0")[0]}
    for packet in packets:
        if not len(packet.times) or START + 1 - PACKET / LAYOUT.rate < packet.times[0] < START + 2.6:
            continue
        same = plain[packet.stream, packet.times[0]]
        assert np.array_equal(packet.samples, same.samples)
        assert np.array_equal(packet.stamps, same.stamps)
        assert packet.arrives == pytest.approx(same.arrives, abs=PACKET / LAYOUT.rate)


def test_numbers_tell_what_is_lost_but_for_a_device_that_counts_anew() -> None:
    packets, delivery = sent("loss@1+1=0.5/left")
    left = np.concatenate([packet.numbers for packet in packets if packet.stream == 0])
    assert (np.diff(left) - 1).sum() == delivery.lost
    again, _ = sent("disconnect@1+1")
    closing = [index for index, packet in enumerate(again) if not len(packet.times)]
    assert len(closing) == 2
    assert {packet.numbers[0] for packet in again[closing[-1] + 1 : closing[-1] + 3]} == {0}


def test_what_comes_late_comes_as_late_as_said() -> None:
    def lateness(text: str) -> list[float]:
        return [round(packet.arrives - float(packet.times[-1]) - LATENCY, 6) for packet in sent(text)[0]]

    assert set(lateness("skew=0.08/right")) == {0.0, 0.08}
    assert max(lateness("stall@1+1")) == pytest.approx(1.0, abs=2 * PACKET / LAYOUT.rate)
    assert 0.01 < max(lateness("jitter=0.02")) <= 0.02 + PACKET / LAYOUT.rate


def test_a_clock_that_jumps_or_drifts_shows_in_the_stamps() -> None:
    last = sent("jump@1=5")[0][-1]
    assert last.stamps[-1] - last.times[-1] == pytest.approx(5.0)
    last = sent("drift=1000")[0][-1]
    assert last.stamps[-1] - last.times[-1] == pytest.approx(1e-3 * SAMPLES / LAYOUT.rate, rel=1e-3)


def test_one_stream_has_no_fault_of_one_band_but_of_its_values() -> None:
    with pytest.raises(InputError, match="band of one band needs a stream for each"):
        sent("band", streams=1)
    packets, _ = sent("nan@1+1=2/left", streams=1)
    bad = np.isnan(np.concatenate([packet.samples for packet in packets]))
    assert bad[:, :2].sum() == 2 * LAYOUT.rate
    assert bad.sum() == 2 * LAYOUT.rate
    assert not math.isnan(packets[-1].samples[0, 0])
