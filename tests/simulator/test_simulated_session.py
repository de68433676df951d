import numpy as np
import pytest
from scipy.signal import welch

from messages.charset import LABELS, label_to_key_name
from messages.typed import Keystroke
from simulator._recording import QUANTUM, Amplifier
from simulator.donning import don
from simulator.person import Person, make_person
from simulator.session import LAYOUT, simulate, typing_session

PARAGRAPHS = ["the quick brown fox jumps over the lazy dog and goes on to other things it likes " * 3] * 4


@pytest.fixture(scope="module")
def person() -> Person:
    return make_person(950)


@pytest.fixture(scope="module")
def typing(person: Person) -> np.ndarray:
    """(T, 2, 16) µV of steady typing."""
    session = typing_session(person, 7, PARAGRAPHS, 40.0)
    samples = np.concatenate([chunk.samples for chunk in session.chunks()])
    return samples[round(4 * LAYOUT.rate) : -round(4 * LAYOUT.rate)]


def press(key: str, time: float) -> Keystroke:
    return Keystroke(label_to_key_name(LABELS[key]), time, time + 0.09)


def samples_of(person: Person, keys: list[Keystroke], donning: int = 7, duration: float = 3.0) -> np.ndarray:
    return np.concatenate([c.samples for c in simulate(person, keys, donning, 0.0, duration)])


def test_the_same_seeds_give_the_same_samples_and_others_do_not(person: Person) -> None:
    keys = [press("f", 1.0), press("j", 1.3)]
    first = samples_of(person, keys)
    assert np.array_equal(first, samples_of(make_person(950), keys))
    assert not np.array_equal(first, samples_of(person, keys, donning=8))
    assert not np.array_equal(first, samples_of(make_person(951), keys))


def test_muscles_are_tense_during_typing_and_rest_afterwards(person: Person) -> None:
    """Real bursts stand on a raised floor, on the other hand too."""
    samples = samples_of(person, [press("j", 2.0 + 0.3 * i) for i in range(10)], duration=8.0)
    level = np.sqrt((samples[:, 0] ** 2).mean(axis=1))  # the left hand, which presses nothing
    rest, typing, after = level[2000:3000].mean(), level[4000:9400].mean(), level[11_000:].mean()
    assert typing > 1.3 * rest
    assert after < 1.1 * rest


def test_duration_and_times_are_those_of_the_arguments(person: Person) -> None:
    chunks = list(simulate(person, [], 1, 100.0, 3.1))
    times = np.concatenate([c.times for c in chunks])
    assert len(times) == round(3.1 * LAYOUT.rate)
    assert times[0] == 100.0
    assert np.allclose(np.diff(times), 1 / LAYOUT.rate)


def test_the_signal_of_the_striking_hand_rises_before_the_press(person: Person) -> None:
    samples = samples_of(person, [press("f", 1.0)])
    level = np.sqrt((samples**2).mean(axis=2))
    burst = level[1800:2100].mean(axis=0)  # the 100 ms before the press and 50 ms after
    rest = level[4000:].mean(axis=0)
    assert burst[0] > 3 * rest[0]
    assert burst[1] / rest[1] < 0.6 * burst[0] / rest[0]  # the other hand is tense, but does not strike


def test_level_is_that_of_real_recordings(person: Person, typing: np.ndarray) -> None:
    rms = np.sqrt((typing**2).mean(axis=0))
    assert 5 < np.median(rms) < 20
    rest = samples_of(person, [], duration=4.0)[2000:]
    assert 0.8 < np.median(np.sqrt((rest**2).mean(axis=0))) < 4


def test_spectrum_falls_as_in_real_recordings(typing: np.ndarray) -> None:
    frequency, density = welch(typing.reshape(len(typing), -1).T, LAYOUT.rate, nperseg=1000)
    median = dict(zip(frequency.astype(int), np.median(density, axis=0), strict=True))
    assert median[8] < 1e-4
    assert 0.2 < median[76] < 5
    assert 0.02 < median[200] < 0.6
    assert 1e-3 < median[400] < 5e-2
    assert 5e-4 < median[800] < 3e-3  # the quantisation floor


def test_neighbouring_electrodes_correlate_and_distant_ones_hardly(typing: np.ndarray) -> None:
    for band in range(2):
        correlation = np.corrcoef(typing[:, band].T)
        by_distance = [np.mean([correlation[i, (i + d) % 16] for i in range(16)]) for d in range(9)]
        assert 0.8 < by_distance[1] < 0.97
        assert 0.1 < by_distance[8] < 0.5
        assert by_distance[1] > by_distance[2] > by_distance[4] > by_distance[8]
    between = np.corrcoef(typing.reshape(len(typing), -1).T)[:16, 16:]
    assert np.abs(between).max() < 0.12


def test_the_right_hand_mirrors_the_left() -> None:
    person = make_person(952)
    left, right = (
        np.sqrt((samples_of(person, [press(key, 1.0)])[1800:2200] ** 2).mean(axis=0))[i] for i, key in enumerate("fj")
    )
    # Electrodes run round both limbs in mirrored order, so the profiles agree but for anatomy and donning.
    best = max(range(16), key=lambda shift: np.corrcoef(left, np.roll(right, shift))[0, 1])
    assert min(best, 16 - best) <= 4


def test_a_donning_turns_by_about_an_electrode() -> None:
    turns = np.array([don(seed, 16).rotation for seed in range(200)]) / (2 * np.pi / 16)
    assert 0.4 < turns.std() < 1.2
    assert 0.1 < np.mean([don(seed, 16).contact_artifacts for seed in range(400)]) < 0.4


def test_conversion_has_twelve_bits_and_then_a_high_pass() -> None:
    amplifier = Amplifier(don(1, 16), 16, LAYOUT.rate, np.random.default_rng(0))
    constant = np.full((8000, 2, 16), 1000.0, np.float32)
    out = amplifier.convert(constant)
    assert np.abs(out[4000:].mean()) < 0.1
    assert pytest.approx(3.22, abs=0.01) == QUANTUM


def test_a_typing_session_fits_its_time_and_lists_its_presses(person: Person) -> None:
    session = typing_session(person, 3, PARAGRAPHS, 90.0, start=50.0)
    assert 50 < session.duration <= 90
    assert all(k.start >= 52 and k.end <= 138 for k in session.keystrokes)
    typed = "".join(k.key for k in session.keystrokes if len(k.key) == 1)
    assert len(typed) > 30
    assert len(session.prompts) == sum(k.key == "Key.enter" for k in session.keystrokes)
