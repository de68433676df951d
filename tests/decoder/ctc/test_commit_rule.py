"""The commit rule beyond the fixed lag: final by confidence, hold, and keys that are shown only when final."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import CommitRule, Committer, Mode
from decoder.language.model import LanguageScorer, NoLanguageModel
from messages.charset import LABELS, labels_to_text
from messages.emission import Emission
from messages.errors import InputError
from messages.tables import build
from messages.text import Key, KeySequence, TextEvent

PathMaker = Callable[..., Emission]
rules = st.builds(
    CommitRule,
    mode=st.sampled_from(["revise", "hold"]),
    lag_s=st.sampled_from([0.0, 0.1, 0.8]),
    confidence=st.sampled_from([0.5, 0.9, 0.999, 1.0]),
    caution=st.sampled_from([1.0, 10.0]),
    show_from=st.sampled_from([0.0, 0.6, 1.0]),
    reject_below=st.sampled_from([0.0, 0.2, 0.9]),
    min_age_s=st.sampled_from([0.0, 0.03, 0.2]),
)


def events(rule: CommitRule, scorer: LanguageScorer, emissions: Emission, cuts: Iterable[int]) -> list[TextEvent]:
    decoder = Committer(PrefixBeam(BeamSettings(), scorer), rule)
    pieces = [
        Emission(*piece)
        for piece in zip(*(np.split(each, list(cuts)) for each in (emissions.log_probs, emissions.times)), strict=True)
    ]
    pushed = [event for piece in pieces if len(piece.times) for event in decoder.push(piece)]
    return [*pushed, *decoder.finish()]


def text(keys: Iterable[Key]) -> str:
    return labels_to_text(key.label for key in keys)


def final_after(rule: CommitRule, emissions: Emission) -> list[tuple[str, int]]:
    """Return the final keys in the order in which they became so, each with the frame that made it final."""
    shown, found = KeySequence(), []
    for event in events(rule, NoLanguageModel(), emissions, range(1, len(emissions.times))):
        found += [(labels_to_text([key.label]), round(event.time / 0.008)) for key in shown.push(event)]
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rule=rules, seed=st.integers(0, 50), cuts=st.lists(st.integers(0, 250), max_size=12).map(sorted))
def test_final_text_never_changes_and_no_cut_changes_it(
    scorer: LanguageScorer, babble: PathMaker, rule: CommitRule, seed: int, cuts: list[int]
) -> None:
    emissions, texts = babble(250, seed), []
    for each in (cuts, [], range(1, 250)):
        shown, final = KeySequence(), list[Key]()
        for event in events(rule, scorer, emissions, each):
            # This raises if a final key is touched.
            final += shown.push(event)
            assert tuple(final) == shown.final
            assert rule.mode == "revise" or not shown.tail
            assert all(key.time <= event.time for key in event.insert)
            assert not {LABELS["⌫"], LABELS["⏎"]} & {key.label for key in shown.tail}
        assert shown.tail == ()
        texts.append(text(final))
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) > 3 or rule.reject_below > 0.2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rule=rules, seed=st.integers(0, 50), uptime=st.floats(0, 1e7))
def test_the_first_time_stamp_changes_neither_the_text_nor_when_it_is_final(
    scorer: LanguageScorer, babble: PathMaker, rule: CommitRule, seed: int, uptime: float
) -> None:
    def final(start: float) -> list[tuple[int, int]]:
        emissions, shown, found = babble(250, seed), KeySequence(), list[tuple[int, int]]()
        later = Emission(emissions.log_probs, emissions.times + start)
        for event in events(rule, scorer, later, range(1, 250)):
            found += [(key.label, round((event.time - start) / 0.008)) for key in shown.push(event)]
        return found

    assert final(uptime) == final(0.0)


@pytest.mark.parametrize("mode", ["revise", "hold"])
def test_a_key_beyond_doubt_is_final_once_it_is_old_enough(ctc_path: PathMaker, mode: Mode) -> None:
    emissions = ctc_path("__c" + "_" * 30 + "a" + "_" * 120)
    assert final_after(CommitRule(mode, 0.8, 0.99, min_age_s=0.04), emissions) == [("c", 2 + 5), ("a", 33 + 5)]
    assert final_after(CommitRule(mode, 0.8), emissions) == [("c", 2 + 100), ("a", 33 + 100)]


def test_keys_wait_behind_a_doubtful_one(ctc_path: PathMaker) -> None:
    emissions = ctc_path("__c" + "_" * 30 + "a" + "_" * 120)
    log_probs = emissions.log_probs.copy()
    log_probs[2, [LABELS["c"], LABELS["x"]]] = np.log(0.9), np.log(0.1)
    doubtful = Emission(log_probs, emissions.times)
    assert final_after(CommitRule("hold", 0.8, 0.89, min_age_s=0.0), doubtful) == [("c", 2), ("a", 33)]
    assert final_after(CommitRule("hold", 0.8, 0.95, min_age_s=0.0), doubtful) == [("c", 2 + 100), ("a", 2 + 100)]


@pytest.mark.parametrize("key", ["⏎", "⌫"])
def test_an_irreversible_key_requires_a_higher_posterior(ctc_path: PathMaker, key: str) -> None:
    emissions = ctc_path(f"__{key}" + "_" * 150)
    log_probs = emissions.log_probs.copy()
    log_probs[2, [LABELS[key], LABELS["x"]]] = np.log(0.97), np.log(0.03)
    doubtful = Emission(log_probs, emissions.times)
    assert final_after(CommitRule("hold", 0.8, 0.95, caution=1.0, min_age_s=0.0), doubtful) == [(key, 2)]
    assert final_after(CommitRule("hold", 0.8, 0.95, caution=10.0, min_age_s=0.0), doubtful) == [(key, 2 + 100)]
    assert final_after(CommitRule("hold", 0.8, 0.95, min_age_s=0.0), ctc_path(f"__{key}__")) == [(key, 2)]


@pytest.mark.parametrize("key", ["⏎", "⌫"])
def test_an_irreversible_key_and_those_behind_it_are_shown_only_when_it_is_final(ctc_path: PathMaker, key: str) -> None:
    shown, seen = KeySequence(), []
    for event in events(CommitRule(lag_s=0.196), NoLanguageModel(), ctc_path(f"c_{key}_t_" + "_" * 40), range(1, 45)):
        shown.push(event)
        seen.append((round(event.time / 0.008), text(shown.final), text(shown.tail)))
    assert seen == [(0, "", "c"), (25, "c", ""), (27, f"c{key}", "t"), (29, f"c{key}t", "")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(seed=st.integers(0, 200), confidence=st.sampled_from([0.6, 0.9, 0.99]))
def test_confidence_only_hastens(babble: PathMaker, seed: int, confidence: float) -> None:
    """No key that is older than the lag ever waits."""
    beam = PrefixBeam(BeamSettings(), NoLanguageModel())
    decoder, emissions = Committer(beam, CommitRule("hold", 0.2, confidence)), babble(200, seed)
    for first in range(0, 200, 3):
        piece = Emission(emissions.log_probs[first : first + 3], emissions.times[first : first + 3])
        decoder.push(piece)
        assert all(time > piece.times[-1] - 0.2 for time in beam.best().times)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lag_s": -1.0},
        {"confidence": 0.4},
        {"confidence": 1.1},
        {"caution": 0.5},
        {"min_age_s": -0.1},
        {"reject_below": 1.1},
        {"mode": "guess"},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(InputError, match="expected"):
        build(CommitRule, wrong, "[decoder.commit]")


def test_an_uncertain_key_is_shown_once_it_is_likely_and_stays_while_the_best_text_holds_it(
    ctc_path: PathMaker,
) -> None:
    emissions = ctc_path("_c__" + "_" * 40)
    log_probs = emissions.log_probs.copy()
    log_probs[1, [LABELS["c"], LABELS["x"]]] = np.log(0.55), np.log(0.45)
    doubtful = Emission(log_probs, emissions.times)

    def seen(show: float) -> list[tuple[int, str, str]]:
        shown, found = KeySequence(), []
        for event in events(CommitRule(lag_s=0.196, show_from=show), NoLanguageModel(), doubtful, range(1, 44)):
            shown.push(event)
            found.append((round(event.time / 0.008), text(shown.final), text(shown.tail)))
        return found

    assert seen(0.5) == [(1, "", "c"), (26, "c", "")]
    assert seen(0.6) == [(26, "c", "")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(seed=st.integers(0, 200))
def test_a_higher_share_to_show_changes_no_final_key_and_takes_less_back(babble: PathMaker, seed: int) -> None:
    emissions, final, erased = babble(250, seed), [], []
    for show in (0.0, 0.5, 0.9, 1.0):
        shown = KeySequence()
        found = events(CommitRule(lag_s=0.2, show_from=show), NoLanguageModel(), emissions, range(1, 250))
        for event in found:
            shown.push(event)
        final.append(text(shown.final))
        erased.append(sum(event.erase for event in found))
    assert len(set(final)) == 1
    assert erased[0] >= erased[-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(seed=st.integers(0, 200), reject=st.sampled_from([0.3, 0.6, 0.95]))
def test_a_rejected_key_is_never_final_and_counted(babble: PathMaker, seed: int, reject: float) -> None:
    def held(share: float) -> tuple[list[Key], int]:
        decoder = Committer(
            PrefixBeam(BeamSettings(), NoLanguageModel()), CommitRule("hold", 0.2, 0.9, reject_below=share)
        )
        found = [*decoder.push(babble(250, seed)), *decoder.finish()]
        return [key for event in found for key in event.insert], decoder.rejected

    (everything, none), (accepted, rejected) = held(0.0), held(reject)
    assert accepted == [key for key in everything if key.confidence >= reject]
    assert (none, rejected) == (0, len(everything) - len(accepted))


def test_a_rejected_key_that_was_shown_is_taken_back(ctc_path: PathMaker) -> None:
    emissions = ctc_path("_c__" + "_" * 40)
    log_probs = emissions.log_probs.copy()
    log_probs[1, [LABELS["c"], LABELS["x"]]] = np.log(0.55), np.log(0.45)
    shown, seen = KeySequence(), []
    for event in events(
        CommitRule(lag_s=0.196, reject_below=0.6), NoLanguageModel(), Emission(log_probs, emissions.times), range(1, 44)
    ):
        shown.push(event)
        seen.append((round(event.time / 0.008), text(shown.final), text(shown.tail)))
    assert seen == [(1, "", "c"), (26, "", "")]
