import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.signal import Chunk, Layout
from streamer.arrival.ring import Ring, RingOverflowError

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 3)


def numbered(start: int, count: int) -> Chunk:
    """Samples that carry their number in every channel, so that a lost or moved one shows."""
    numbers = np.arange(start, start + count)
    samples = np.broadcast_to(numbers[:, None, None], (count, 2, 3)).astype(np.float32)
    return Chunk(samples, numbers / 2000, LAYOUT)


@given(pieces=st.lists(st.integers(0, 9), max_size=60), block=st.integers(1, 7))
def test_samples_come_out_in_order_in_blocks(pieces: list[int], block: int) -> None:
    ring = Ring(LAYOUT, 16)
    pushed = popped = 0
    for piece in pieces:
        ring.push(numbered(pushed, piece))
        pushed += piece
        while chunk := ring.pop(block):
            expected = numbered(popped, block)
            np.testing.assert_array_equal(chunk.samples, expected.samples)
            np.testing.assert_array_equal(chunk.times, expected.times)
            popped += block
        assert len(ring) == pushed - popped < block


def test_overflow_is_named_and_takes_nothing() -> None:
    ring = Ring(LAYOUT, 8)
    ring.push(numbered(0, 6))
    with pytest.raises(RingOverflowError, match="3 samples came, only 2 of the ring's 8"):
        ring.push(numbered(6, 3))
    assert (len(ring), ring.free) == (6, 2)
    ring.push(numbered(6, 2))
    block = ring.pop(8)
    assert block is not None
    assert block.samples[:, 1, 2].tolist() == list(range(8))


def test_what_was_popped_is_not_overwritten() -> None:
    ring = Ring(LAYOUT, 4)
    ring.push(numbered(0, 4))
    block = ring.pop(4)
    ring.push(numbered(4, 4))
    assert block is not None
    assert block.times[0] == 0


def test_reset_forgets() -> None:
    ring = Ring(LAYOUT, 4)
    ring.push(numbered(0, 3))
    ring.reset()
    assert ring.pop(1) is None
    ring.push(numbered(10, 4))
    block = ring.pop(4)
    assert block is not None
    assert block.samples[0, 0, 0] == 10


@given(pieces=st.lists(st.integers(0, 9), max_size=60), block=st.integers(1, 7), history=st.integers(0, 20))
def test_the_newest_popped_samples_are_kept(pieces: list[int], block: int, history: int) -> None:
    ring = Ring(LAYOUT, 16, history)
    pushed = popped = 0
    for piece in pieces:
        ring.push(numbered(pushed, piece))
        pushed += piece
        while ring.pop(block):
            popped += block
        kept, first = ring.recent(), max(0, popped - history)
        np.testing.assert_array_equal(kept.times, numbered(first, pushed - first).times)
        np.testing.assert_array_equal(kept.samples, numbered(first, pushed - first).samples)
    ring.reset()
    assert not len(ring.recent().times)
