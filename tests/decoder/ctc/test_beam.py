"""The prefix beam, against a search by the book, and against sums over all alignments."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import kenlm
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.language.kenlm_scorer import KenlmScorer, load_scorer
from decoder.language.model import START, Ids, LanguageModelFacts, LanguageScorer, NoLanguageModel
from messages.charset import BACKSPACE, CLASSES, KEYS, LABELS, labels_to_text
from messages.emission import Emission
from messages.errors import InputError
from messages.signal import F32, F64

PathMaker = Callable[..., Emission]
MakeScorer = Callable[[LanguageModelFacts], LanguageScorer]
PRIORS = {"a": -0.25, "⌫": -4.0, "⇧": -1.5}
BLANK = 2
EXHAUSTIVE = BeamSettings(width=100_000, labels=3, threshold_nats=np.inf, floor_nats=-np.inf)
shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Bigram:
    """A language model over two keys: the state is 0 or 1 + the last key."""

    silent = np.zeros(2, np.bool_)
    # Only the price of a ⌫ counts.
    prices = np.array([9.0, -0.375])
    largest_gain = np.array([0.125, 0.5])
    crowded = False
    table = np.array([[-1.0, 0.5], [-0.25, -2.0], [0.125, -0.75]])

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> F64:
        return self.table[states, labels]

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        return (1 + labels).astype(np.int32)

    def end(self, states: Ids) -> F64:
        return np.where(states == START, 0.0, -0.5 * states)

    def keep(self, states: Ids) -> Ids:
        raise AssertionError("never crowded")


def emission(log_probs: F64) -> Emission:
    return Emission(log_probs.astype(np.float32), np.arange(len(log_probs), dtype=np.float64) * 0.008)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != BLANK)


def all_alignments(log_probs: F32) -> dict[tuple[int, ...], float]:
    """Return the log of the summed probability of all alignments, per label sequence."""
    sums: dict[tuple[int, ...], float] = {}
    rows = log_probs.astype(np.float64)
    for path in itertools.product(range(3), repeat=len(rows)):
        score = float(sum(rows[frame, label] for frame, label in enumerate(path)))
        labels = collapse(path)
        sums[labels] = float(np.logaddexp(sums.get(labels, -np.inf), score))
    return sums


frames = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-12, 0))


@settings(max_examples=60)
@given(log_probs=frames)
def test_unlimited_beam_is_the_sum_over_all_alignments(log_probs: F64) -> None:
    emissions = emission(log_probs)
    beam = PrefixBeam(EXHAUSTIVE, NoLanguageModel(2), blank=BLANK, backspace=-1)
    beam.push(emissions)
    found = {h.labels: h.acoustic for h in beam.nbest(10_000)}
    expected = all_alignments(emissions.log_probs)
    assert found.keys() == expected.keys()
    for labels, score in expected.items():
        assert found[labels] == pytest.approx(score, abs=1e-9)


def stacked(labels: tuple[int, ...], backspace: int) -> tuple[float, int]:
    """Return the language model's total and last state of a key sequence by the rules, with a stack."""
    stack = [(0.0, 0)]
    paid = 0.0
    for label in labels:
        if label == backspace:
            # At the bottom it gives nothing back.
            stack = stack[:-1] or stack
            paid += float(Bigram.prices[label])
        else:
            total, state = stack[-1]
            stack.append((total + float(Bigram.table[state, label]), 1 + label))
    return stack[-1][0] + paid, stack[-1][1]


@settings(max_examples=60)
@given(log_probs=frames, backspace=st.sampled_from([-1, 1]))
def test_language_model_is_added_to_every_prefix(log_probs: F64, backspace: int) -> None:
    emissions = emission(log_probs)
    beam = PrefixBeam(EXHAUSTIVE, Bigram(), blank=BLANK, backspace=backspace)
    beam.push(emissions)
    expected = all_alignments(emissions.log_probs)
    for found in beam.nbest(10_000):
        lm, state = stacked(found.labels, backspace)
        assert found.lm == pytest.approx(lm, abs=1e-12)
        assert found.total == pytest.approx(expected[found.labels] + lm, abs=1e-9)
    assert (np.diff([h.total for h in beam.nbest(10_000)]) < 1e-12).all()
    beam.finish()
    for found in beam.nbest(10_000):
        lm, state = stacked(found.labels, backspace)
        assert found.lm == pytest.approx(lm + (-0.5 * state if state else 0), abs=1e-12)


@settings(max_examples=60)
@given(log_probs=frames)
def test_pruning_never_invents_probability(log_probs: F64) -> None:
    emissions = emission(log_probs)
    expected = all_alignments(emissions.log_probs)
    beam = PrefixBeam(BeamSettings(width=3, labels=2, threshold_nats=8), NoLanguageModel(2), blank=BLANK, backspace=-1)
    beam.push(emissions)
    assert 1 <= len(beam.nbest(10)) <= 3
    for found in beam.nbest(10):
        assert found.acoustic <= expected[found.labels] + 1e-9


def by_the_book(emissions: Emission, scorer: LanguageScorer, limits: BeamSettings) -> dict[tuple[int, ...], float]:
    """Search with tuples and dictionaries, every candidate scored, and return the totals by prefix."""

    def path_after(path: tuple[tuple[float, int], ...], label: int) -> tuple[tuple[float, int], ...]:
        if KEYS[label] == BACKSPACE:
            path = path[:-1] if len(path) > 1 else path
        if KEYS[label] == BACKSPACE or scorer.silent[label]:
            return tuple((score + float(scorer.prices[label]), state) for score, state in path)
        state, key = np.array([path[-1][1]], np.int32), np.array([label])
        return (*path, (path[-1][0] + float(scorer.extend(state, key)[0]), int(scorer.advance(state, key)[0])))

    paths: dict[tuple[int, ...], tuple[tuple[float, int], ...]] = {(): ((0.0, START),)}
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    totals: dict[tuple[int, ...], float] = {}
    for row in emissions.log_probs.astype(np.float64):
        best = [
            label
            for label in np.argsort(-row, kind="stable")[: limits.labels].tolist()
            if row[label] > limits.floor_nats
        ]
        new: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_key) in beam.items():
            both = float(np.logaddexp(in_blank, in_key))
            for label in best:
                last = prefix[-1:] == (label,)
                if label == CLASSES - 1:
                    reached = [(prefix, 0, both)]
                else:
                    reached = [((*prefix, label), 1, in_blank if last else both)] + [(prefix, 1, in_key)] * last
                for target, ending, score in reached:
                    entry = new.setdefault(target, [-np.inf, -np.inf])
                    entry[ending] = float(np.logaddexp(entry[ending], score + row[label]))
        totals = {}
        for prefix, entry in new.items():
            if prefix not in paths:
                paths[prefix] = path_after(paths[prefix[:-1]], prefix[-1])
            totals[prefix] = float(np.logaddexp(entry[0], entry[1])) + paths[prefix][-1][0]
        kept = sorted(totals, key=totals.__getitem__, reverse=True)[: limits.width]
        kept = [prefix for prefix in kept if totals[prefix] >= totals[kept[0]] - limits.threshold_nats]
        beam = {prefix: (new[prefix][0], new[prefix][1]) for prefix in kept}
    return {prefix: totals[prefix] for prefix in beam}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "limits", [BeamSettings(width=12), BeamSettings(width=30, labels=4, threshold_nats=2, floor_nats=-3)]
)
@pytest.mark.parametrize("priors", [{}, PRIORS])
def test_finds_the_same_prefixes_as_the_search_by_the_book(
    make_scorer: MakeScorer,
    facts: LanguageModelFacts,
    babble: PathMaker,
    seed: int,
    limits: BeamSettings,
    priors: dict[str, float],
) -> None:
    scorer = make_scorer(replace(facts, priors=priors))
    emissions = babble(60, seed, blank=3.0)
    expected = by_the_book(emissions, scorer, limits)
    beam = PrefixBeam(limits, scorer)
    beam.push(emissions)
    found = {h.labels: h.total for h in beam.nbest(100)}
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-9)
    assert max(len(labels) for labels in found) > 5


def decoded(scorer: LanguageScorer, emissions: Emission) -> tuple[str, float]:
    beam = PrefixBeam(BeamSettings(), scorer)
    beam.push(emissions)
    return labels_to_text(beam.best().labels), beam.best().lm


def test_backspace_undoes_the_language_model_but_not_the_keys(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    text, plain = decoded(scorer, ctc_path("cat"))
    corrected, lm = decoded(scorer, ctc_path("cz⌫at"))
    assert (text, corrected) == ("cat", "cz⌫at")
    assert lm == plain
    assert plain == pytest.approx(0.5 * np.log(10) * (-0.3 - 0.15 - 0.35) + 3 * 1.25, abs=1e-6)


def test_backspace_has_its_price_beside_what_it_undoes(
    make_scorer: MakeScorer, facts: LanguageModelFacts, ctc_path: PathMaker
) -> None:
    priced = make_scorer(replace(facts, priors=PRIORS))
    _, plain = decoded(priced, ctc_path("cat"))
    price = 0.5 * -4.0 + 1.25
    once, lm = decoded(priced, ctc_path("cz⌫at"))
    assert once == "cz⌫at"
    assert lm == pytest.approx(plain + price, abs=1e-9)
    often, lm = decoded(priced, ctc_path("⌫cz_z⌫_⌫at⇧"))
    assert often == "⌫czz⌫⌫at⇧"
    assert lm == pytest.approx(plain + 3 * price + 0.5 * -1.5 + 1.25, abs=1e-9)
    _, free = decoded(make_scorer(facts), ctc_path("cat"))
    assert plain == pytest.approx(free + 0.5 * -0.25, abs=1e-9)


def test_a_faint_key_and_backspace_are_typed_only_where_they_are_free(
    make_scorer: MakeScorer, facts: LanguageModelFacts, ctc_path: PathMaker
) -> None:
    emissions = ctc_path("c__a_t_")
    noise = emissions.log_probs.copy()
    noise[1:3] = np.log(1e-6)
    noise[1, [LABELS["z"], CLASSES - 1]] = np.log([0.55, 0.45])
    noise[2, [LABELS[BACKSPACE], CLASSES - 1]] = np.log([0.55, 0.45])
    found = {
        decoded(make_scorer(replace(facts, priors=priors)), Emission(noise, emissions.times))[0]
        for priors in ({}, PRIORS)
    }
    assert found == {"cz⌫at", "cat"}


def test_backspace_before_any_key_costs_nothing(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    assert decoded(scorer, ctc_path("⌫_⌫cat")) == ("⌫⌫cat", decoded(scorer, ctc_path("cat"))[1])


def test_backspace_returns_into_the_word_before_the_space(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    assert decoded(scorer, ctc_path("ca ⌫t"))[1] == decoded(scorer, ctc_path("cat"))[1]


def test_silent_keys_leave_the_language_model_alone(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    _, plain = decoded(scorer, ctc_path("cat"))
    assert decoded(scorer, ctc_path("c⇧at⇧")) == ("c⇧at⇧", plain)
    # ⌫ deletes the character, not the ⇧ behind it.
    assert decoded(scorer, ctc_path("cz⇧⌫at")) == ("cz⇧⌫at", plain)


@st.composite
def with_typos(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a text, and the same with (typo, ⌫) pairs, also within one another."""
    text = draw(st.text("catz ", min_size=1, max_size=8))
    typed = list(text)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(typed)))
        typed[at:at] = [draw(st.sampled_from("catzq ")), "⌫"]
    return text, "".join(typed)


@shared_fixtures
@given(texts=with_typos(), commit=st.booleans(), priced=st.booleans())
def test_a_typo_that_is_taken_back_leaves_the_total(
    make_scorer: MakeScorer,
    facts: LanguageModelFacts,
    ctc_path: PathMaker,
    texts: tuple[str, str],
    commit: bool,
    priced: bool,
) -> None:
    scorer = make_scorer(replace(facts, priors=PRIORS if priced else {}))
    plain, typed = texts
    _, expected = decoded(scorer, ctc_path("_".join(plain)))
    expected += priced * typed.count("⌫") * (0.5 * -4.0 + 1.25)
    beam = PrefixBeam(BeamSettings(), scorer)
    keys = []
    for number, key in enumerate(typed):
        beam.push(ctc_path(f"{key}_", start=float(number)))
        if commit:
            keys += [k.label for k in beam.cut(float(number) + 0.5)]
    assert beam.best().lm == pytest.approx(expected, abs=1e-9)
    assert labels_to_text([*keys, *beam.best().labels]) == typed
    assert len(keys) == (len(typed) if commit else 0)


def test_deep_backspaces_fall_back_to_the_start(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    text = "catcatcatc" * 7
    _, first = decoded(scorer, ctc_path("_".join(text[: len(text) - 64])))

    def commit(keys: str) -> None:
        for key in keys:
            beam.push(ctc_path(f"{key}_"))
            assert labels_to_text(k.label for k in beam.cut(np.inf)) == key

    commit(text + "⌫" * 64)
    assert beam.best().lm == pytest.approx(first, abs=1e-9)
    # Deeper than what is remembered.
    commit("⌫⌫")
    assert beam.best().lm == pytest.approx(first, abs=1e-9)
    commit("cat")
    assert beam.best().lm == pytest.approx(first + decoded(scorer, ctc_path("cat"))[1], abs=1e-9)


def ranking(beam: PrefixBeam) -> list[object]:
    return [(h.labels, h.times, h.acoustic, h.lm) for h in beam.nbest(50)]


@settings(shared_fixtures, max_examples=40)
@given(cuts=st.lists(st.integers(0, 150), max_size=10).map(sorted), seed=st.integers(0, 20))
def test_any_cut_gives_the_same_ranking(scorer: LanguageScorer, babble: PathMaker, cuts: list[int], seed: int) -> None:
    emissions = babble(150, seed)
    whole, cut = PrefixBeam(BeamSettings(), scorer), PrefixBeam(BeamSettings(), scorer)
    whole.push(emissions)
    for piece in zip(np.split(emissions.log_probs, cuts), np.split(emissions.times, cuts), strict=True):
        cut.push(Emission(*piece))
    assert ranking(cut) == ranking(whole)
    assert cut.keys() == whole.keys()


def test_reset_forgets_everything(scorer: LanguageScorer, babble: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    beam.push(babble(100, seed=1))
    beam.cut(7.4)
    beam.reset()
    fresh = PrefixBeam(BeamSettings(), scorer)
    for each in (beam, fresh):
        each.push(babble(100, seed=2))
    assert ranking(beam) == ranking(fresh)


def test_states_that_the_language_model_forgets_change_nothing(
    arpa: str, facts: LanguageModelFacts, babble: PathMaker
) -> None:
    scorer, forgetful = load_scorer(arpa, facts), KenlmScorer(kenlm.Model(arpa), facts, rows=3)
    one, other = PrefixBeam(BeamSettings(), scorer), PrefixBeam(BeamSettings(), forgetful)
    for seed in range(5):
        for beam in (one, other):
            beam.push(babble(100, seed))
            beam.cut(7.0 + 0.2)
        assert ranking(other) == ranking(one)
    assert forgetful.overflows > 50
    assert scorer.overflows == 0


def test_a_key_is_timed_where_it_is_likeliest(ctc_path: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), NoLanguageModel())
    emissions = ctc_path("____a____")
    faint = emissions.log_probs.copy()
    # An early, weak trace of the same key.
    faint[1, 0] = np.log(0.01)
    beam.push(Emission(faint, emissions.times))
    assert beam.best().times == (emissions.times[4],)


def test_keys_are_never_later_than_the_next(scorer: LanguageScorer, babble: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    beam.push(babble(300, seed=4, blank=4.0))
    for hypothesis in beam.nbest(50):
        assert (np.diff(hypothesis.times) >= 0).all()
    assert len(beam.best().labels) > 5


@pytest.mark.parametrize(("threshold", "kept"), [(3.0, [(0,), ()]), (5.0, [(0,), (), (1,)])])
def test_hopeless_prefixes_are_dropped(threshold: float, kept: list[tuple[int, ...]]) -> None:
    beam = PrefixBeam(BeamSettings(threshold_nats=threshold), NoLanguageModel(2), blank=BLANK, backspace=-1)
    # The second key is 4.5 nats behind the first.
    beam.push(emission(np.log([[0.9, 0.01, 0.09]])))
    assert [h.labels for h in beam.nbest(9)] == kept


def test_confidence_is_the_posterior_in_the_beam() -> None:
    beam = PrefixBeam(BeamSettings(), NoLanguageModel(2), blank=BLANK, backspace=-1)
    beam.push(emission(np.log([[0.7, 0.2, 0.1]])))
    (key,) = beam.keys()
    assert (key.label, key.time) == (0, 0.0)
    assert key.confidence == pytest.approx(0.7, abs=1e-6)


def test_cut_keeps_what_agrees_and_memory_only_for_that(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    beam.push(ctc_path("c_a_t_", 0.9))
    before = {h.labels for h in beam.nbest(50)}
    final = beam.cut(ctc_path("c_a_").times[-1])
    assert labels_to_text(k.label for k in final) == "ca"
    labels = tuple(k.label for k in final)
    after = {labels + h.labels for h in beam.nbest(50)}
    assert after == {p for p in before if p in after}
    assert all(p[:2] == labels for p in after)
    assert labels_to_text(beam.best().labels) == "t"
    beam.cut(np.inf)
    assert [h.labels for h in beam.nbest(50)] == [()]
    # The bottom of the path, and c, a, t that a ⌫ may undo.
    assert beam.size == 4


class Fond(Bigram):
    """A model of three keys that gives key 1 so many nats after key 0, and key 2 hardly a chance."""

    silent, prices, largest_gain = np.zeros(3, np.bool_), np.zeros(3), np.full(3, 2.0)

    def __init__(self, nats: float) -> None:
        self.table = np.zeros((4, 3))
        self.table[1] = 0.0, nats, -9.0


@pytest.mark.parametrize(("nats", "final", "kept"), [(0.4, (), {(1,), (2,), (0, 2)}), (1.0, (0,), {(1,), (2,)})])
def test_all_prefixes_vote_on_what_becomes_final(nats: float, final: tuple[int, ...], kept: set[object]) -> None:
    """At first key 0 has 45 %, and nothing 55 %, but two prefixes share that, so that neither is the best."""
    beam = PrefixBeam(BeamSettings(), Fond(nats), blank=3, backspace=-1)
    beam.push(emission(np.log([[0.45, 1e-9, 1e-9, 0.55], [1e-9, 0.5, 0.5, 1e-9]])))
    assert beam.best().labels == (0, 1)
    assert tuple(key.label for key in beam.cut(0.004, patience=9.0)) == final
    # A prefix that outranks the winning side is dropped whatever the patience.
    assert {h.labels for h in beam.nbest(9)} == kept


def test_labels_are_those_of_the_keys(scorer: LanguageScorer, babble: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    emissions = babble(200, seed=3, blank=5.0)
    texts = set()
    for frame in range(200):
        beam.commit(Emission(emissions.log_probs[frame : frame + 1], emissions.times[frame : frame + 1]), 0.2, 0.5)
        keys = beam.keys()
        assert list(beam.labels()) == [key.label for key in keys]
        texts.add(tuple(beam.labels()))
    beam.finish()
    keys = beam.keys()
    assert list(beam.labels()) == [key.label for key in keys]
    assert len(texts) > 20


def test_idle_hours_do_not_fill_the_memory(scorer: LanguageScorer) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    probs = np.full((1, CLASSES), 1e-6)
    probs[0, [0, 2, -1]] = 0.002, 0.002, 0.996
    sizes = []
    for frame in range(3000):
        beam.push(Emission(np.log(probs).astype(np.float32), np.array([frame * 0.008])))
        beam.cut(frame * 0.008 - 0.8, patience=0.5)
        sizes.append(beam.size)
    assert max(sizes[300:]) <= max(sizes[:300])


@pytest.mark.parametrize("frames", [10_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_memory_is_bounded_for_days(scorer: LanguageScorer, babble: PathMaker, frames: int) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    piece = babble(1000, seed=8, blank=9.0)
    sizes, keys = [], 0
    for frame in range(frames):
        row = slice(frame % 1000, frame % 1000 + 1)
        time = 0.008 * frame
        beam.push(Emission(piece.log_probs[row], np.array([time])))
        keys += len(beam.cut(time - 0.8))
        sizes.append(beam.size)
    assert keys > frames / 200
    assert max(sizes) < 3000
    assert max(sizes[frames // 2 :]) <= 1.1 * max(sizes[: frames // 2])
    assert np.isfinite(beam.best().total)


@pytest.mark.parametrize(
    ("log_probs", "problem"),
    [
        (np.zeros((2, 98)), r"have the shape \(2, 98\) for 2 times"),
        (np.zeros(99), r"have the shape \(99,\) for 99 times"),
        (np.full((1, 99), np.nan), "hold NaN"),
        (np.full((1, 99), -np.inf), "in which no class is possible"),
    ],
)
def test_emissions_that_do_not_fit_are_refused(scorer: LanguageScorer, log_probs: F64, problem: str) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    for take in (beam.push, lambda emission: beam.commit(emission, 0.8, 2.0)):
        with pytest.raises(InputError, match=f"{problem}.*expected natural-log probabilities of shape .frames, 99."):
            take(emission(log_probs))


def test_posteriors_for_another_number_of_keys_are_our_fault_not_that_of_the_emissions(
    scorer: LanguageScorer, ctc_path: PathMaker
) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    with pytest.raises(ValueError, match="required has 97 posteriors: expected one for each of 98 keys, or none"):
        beam.commit(ctc_path("c_"), 0.8, 2.0, np.ones(97))


class Broken(Bigram):
    """A language model with a fault of its own."""

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> F64:
        raise ValueError("a fault of the language model")


def test_a_fault_of_the_language_model_is_not_blamed_on_the_emissions() -> None:
    beam = PrefixBeam(BeamSettings(), Broken(), blank=BLANK, backspace=-1)
    with pytest.raises(ValueError, match="a fault of the language model"):
        beam.push(emission(np.log([[0.5, 0.25, 0.25]])))


@settings(shared_fixtures, max_examples=30)
@given(at=st.integers(0, 150), seed=st.integers(0, 20))
def test_a_beam_with_the_state_of_another_goes_on_as_it_would(
    arpa: str,
    facts: LanguageModelFacts,
    scorer_of_kind: Callable[..., LanguageScorer],
    babble: PathMaker,
    at: int,
    seed: int,
) -> None:
    emissions = babble(150, seed, blank=3.0)
    first, second = (
        Emission(*piece)
        for piece in zip(np.split(emissions.log_probs, [at]), np.split(emissions.times, [at]), strict=True)
    )
    scorer = scorer_of_kind("flat", arpa, facts)
    beam, fresh = PrefixBeam(BeamSettings(), scorer), PrefixBeam(BeamSettings(), scorer)
    beam.commit(first, 0.2, 0.5)
    fresh.push(babble(80, seed + 1))
    fresh.labels()
    state = beam.state
    assert state is not None
    expected = beam.commit(second, 0.2, 0.5), ranking(beam), beam.labels(), beam.size
    fresh.state = state
    assert (fresh.commit(second, 0.2, 0.5), ranking(fresh), fresh.labels(), fresh.size) == expected


def test_labels_are_those_of_the_state_that_was_set_last(
    arpa: str, facts: LanguageModelFacts, scorer_of_kind: Callable[..., LanguageScorer], ctc_path: PathMaker
) -> None:
    scorer = scorer_of_kind("flat", arpa, facts)
    first, second = PrefixBeam(BeamSettings(), scorer), PrefixBeam(BeamSettings(), scorer)
    first.push(ctc_path("c_a_"))
    second.push(ctc_path("t_z_"))
    assert labels_to_text(second.labels()) == "tz"
    second.state = first.state
    assert labels_to_text(second.labels()) == "ca"


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    arpa: str, facts: LanguageModelFacts, scorer_of_kind: Callable[..., LanguageScorer], babble: PathMaker
) -> None:
    scorer = scorer_of_kind("flat", arpa, facts)
    wide, narrow = PrefixBeam(BeamSettings(), scorer), PrefixBeam(BeamSettings(width=2), scorer)
    for beam in (wide, narrow):
        beam.push(babble(50))
    state, before = wide.state, ranking(narrow)
    assert state is not None
    for unfit in (state, b"", state[:-1], state + b"0", bytes(len(state))):
        with pytest.raises(ValueError, match="not the state of a beam with these settings"):
            narrow.state = unfit
    with pytest.raises(ValueError, match="there is no state of the beam"):
        narrow.state = None
    assert ranking(narrow) == before


def test_a_beam_whose_language_model_numbers_its_states_anew_has_no_state(
    arpa: str, facts: LanguageModelFacts, scorer_of_kind: Callable[..., LanguageScorer]
) -> None:
    assert PrefixBeam(BeamSettings(), scorer_of_kind("kenlm", arpa, facts)).state is None
