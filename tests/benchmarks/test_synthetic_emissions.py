"""What the decoder's benchmarks decode: keys as people press them, and emissions that spell them."""

import numpy as np

from benchmarks.synthetic_emissions import FRAME, emissions, minutes_of, typed_keys
from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from messages.charset import BACKSPACE, BLANK, ENTER, LABELS


def test_simulated_typists_take_typos_back() -> None:
    keys = typed_keys(12.0, np.random.default_rng(3))
    labels, times = [label for label, _ in keys], np.array([at for _, at in keys])
    assert 0.015 < labels.count(LABELS[BACKSPACE]) / len(labels) < 0.1
    assert labels.count(LABELS[ENTER]) > 30
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 1
    assert 600 < times[-1] < 720
    assert keys == typed_keys(12.0, np.random.default_rng(3))


def test_recordings_of_a_minute_hold_all_keys_in_order() -> None:
    keys = typed_keys(3.0, np.random.default_rng(1))
    minutes = list(minutes_of(keys))
    assert [label for minute in minutes for label, _ in minute] == [label for label, _ in keys]
    assert len(minutes) == 3
    assert all(1 <= at < 61 for minute in minutes for _, at in minute)


def test_peaky_emissions_spell_the_keys_better_than_flat_ones() -> None:
    keys = typed_keys(1.0, np.random.default_rng(2))
    truth = [label for label, _ in keys]
    rates = []
    for flat in (False, True):
        emission = emissions(keys, flat, np.random.default_rng(0))
        assert np.logaddexp.reduce(emission.log_probs, axis=1).max() < 1e-4
        assert emission.times[1] == FRAME
        rates.append(CharacterErrors.between([key.label for key in GreedyDecoder().push(emission)], truth).cer)
        assert (emission.log_probs.argmax(axis=1) == BLANK).mean() > 0.8
    assert rates[0] < 15
    assert rates[1] > 25
