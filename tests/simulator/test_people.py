import numpy as np
import pytest

from messages.charset import BACKSPACE, KEYS, LABELS, SHIFT, label_to_key_name
from messages.typed import Keystroke
from simulator import donning as donning_module
from simulator import population
from simulator._fingering import fingering
from simulator._forearm import Electrodes, Movements
from simulator._recording import Amplifier
from simulator.donning import don
from simulator.keyboard import TEXTBOOK, strike_with
from simulator.person import make_person
from simulator.session import LAYOUT

PEOPLE = range(900, 940)


def test_most_keys_are_struck_as_taught_and_some_by_other_fingers() -> None:
    everybody = [fingering(np.random.default_rng([seed, 7])) for seed in PEOPLE]
    departures = [sum(a != b for a, b in zip(own, TEXTBOOK, strict=True)) for own in everybody]
    assert 0 < np.mean(departures) < len(KEYS) / 4
    assert len(set(departures)) > 3
    for label in range(len(KEYS)):  # nobody's key floats: the row stays, whoever strikes it
        assert {own[label].row for own in everybody} == {TEXTBOOK[label].row}
    assert all(own[LABELS["f"]] == TEXTBOOK[LABELS["f"]] for own in everybody)


def test_an_upper_case_letter_is_struck_by_the_finger_of_the_small_one() -> None:
    for seed in PEOPLE:
        own = fingering(np.random.default_rng([seed, 7]))
        assert own[LABELS["B"]] == own[LABELS["b"]]


@pytest.mark.parametrize(("key", "hand", "finger", "reach"), [("b", "right", 1, -1.5), ("c", "left", 1, 0.5)])
def test_reach_is_measured_from_the_home_key_of_the_finger(key: str, hand: str, finger: int, reach: float) -> None:
    assert strike_with(LABELS[key], hand, finger).reach == reach


def test_a_far_key_is_nearer_to_the_ring_finger() -> None:
    assert strike_with(LABELS[BACKSPACE], "right", 3).reach == TEXTBOOK[LABELS[BACKSPACE]].reach + 1


def test_shift_is_held_by_the_other_hand() -> None:
    person = make_person(950)
    shift = LABELS[SHIFT]
    keys = [
        Keystroke(label_to_key_name(label), time, time + 0.1)
        for label, time in ((shift, 1.0), (LABELS["F"], 1.1), (shift, 2.0), (LABELS["J"], 2.1))
    ]
    hands = Movements(person, keys, np.random.default_rng(0)).hand
    assert hands.tolist() == [1, 0, 0, 1]


def test_people_differ_in_anatomy_and_habits() -> None:
    people = [make_person(seed) for seed in PEOPLE]
    for values in ("strength", "fat", "conduction", "tempo"):
        assert np.std([getattr(person, values) for person in people]) > 0.01
    patterns = np.stack([person.keys.ravel() for person in people])
    correlation = np.asarray(np.corrcoef(patterns))[np.triu_indices(len(people), 1)]
    assert 0.5 < correlation.mean() < 0.95


def test_sweat_and_fatigue_change_the_signal_within_an_hour() -> None:
    person = make_person(951)
    band = Electrodes(person, don(7, 16), 0, LAYOUT.electrodes, LAYOUT.rate, 1.0)
    fresh = band._mix_now()
    band._sample = round(3600 * LAYOUT.rate)
    tired = band._mix_now()
    assert np.array_equal(fresh, band._mix)
    assert not np.allclose(fresh, tired, rtol=0.05)
    assert (tired[0] / tired.sum(axis=0) >= fresh[0] / fresh.sum(axis=0) - 1e-12).all()  # wider, never narrower


def test_a_noisy_contact_is_noisy_above_150_hz() -> None:
    seed = next(s for s in range(100) if don(s, 16).noise.any() and not don(s, 16).contact_artifacts)
    donning = don(seed, 16)
    amplifier = Amplifier(donning, 16, LAYOUT.rate, np.random.default_rng(0))
    out = amplifier.convert(np.zeros((8000, 2, 16), np.float32))[4000:]
    level = out.std(axis=0)
    assert level[donning.noise > 0].min() > 1.2 * level[donning.noise == 0].max()


def test_the_name_of_the_population_changes_with_its_behaviour(monkeypatch: pytest.MonkeyPatch) -> None:
    population.population_hash.cache_clear()
    name = population.population_hash()
    assert len(name) == 12
    monkeypatch.setattr(population, "don", lambda seed, electrodes: donning_module.don(seed + 1, electrodes))
    population.population_hash.cache_clear()
    assert population.population_hash() != name
    population.population_hash.cache_clear()
