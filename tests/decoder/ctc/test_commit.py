"""The committer: what it shows, when a key is final, and that no cut of the emissions changes it."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import PATIENCE, CommitRule, Committer, CommitterState, Mode
from decoder.language.hot_words import hot_word_graph, parse_hot_words
from decoder.language.model import LanguageModelFacts, LanguageScorer, NoLanguageModel
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.text import Key, KeySequence, TextEvent

PathMaker = Callable[..., Emission]
shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)


def committer(scorer: LanguageScorer, lag: float = 0.8) -> Committer:
    return Committer(PrefixBeam(BeamSettings(), scorer), CommitRule(lag_s=lag))


def pieces(emissions: Emission, cuts: list[int]) -> Iterable[Emission]:
    for piece in zip(np.split(emissions.log_probs, cuts), np.split(emissions.times, cuts), strict=True):
        if len(piece[1]):
            yield Emission(*piece)


def events_of(decoder: Committer, emissions: Emission, cuts: list[int]) -> list[TextEvent]:
    return [*(event for piece in pieces(emissions, cuts) for event in decoder.push(piece)), *decoder.finish()]


def text(keys: Iterable[Key]) -> str:
    return labels_to_text(key.label for key in keys)


def test_a_key_is_shown_at_once_and_final_after_the_lag(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    emissions = ctc_path("c" + "_" * 30 + "a" + "_" * 99)
    decoder, shown = committer(scorer, lag=0.2), KeySequence()
    states = {}
    for piece in pieces(emissions, list(range(1, 131))):
        for event in decoder.push(piece):
            shown.push(event)
            states[round(event.time / 0.008)] = (text(shown.final), text(shown.tail))
    assert states == {0: ("", "c"), 25: ("c", ""), 31: ("c", "a"), 56: ("ca", "")}
    assert decoder.finish() == []


def test_an_event_changes_only_what_differs(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    decoder = committer(scorer)
    (first,) = decoder.push(ctc_path("c_z_", 0.9))
    assert (first.erase, text(first.insert), first.tail, first.seq) == (0, "cz", 2, 0)
    assert decoder.push(ctc_path("__", start=0.032)) == []
    (second,) = decoder.push(ctc_path("a", start=0.048))
    assert (second.erase, text(second.insert), second.tail, second.seq) == (0, "a", 3, 1)
    (last,) = decoder.finish()
    assert (last.erase, last.insert, last.tail, last.time) == (0, (), 0, 0.048)


def test_the_language_model_changes_its_mind_in_the_tail(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    # z is a little likelier than a, but after `c z` a `t` is far less likely than after `c a`
    emissions = ctc_path("c_z_t__")
    log_probs = emissions.log_probs.copy()
    log_probs[2, [25, 0]] = np.log(0.75), np.log(0.25)
    decoder, shown = committer(scorer), KeySequence()
    texts, erased = [], 0
    for piece in pieces(Emission(log_probs, emissions.times), list(range(1, 7))):
        for event in decoder.push(piece):
            shown.push(event)
            erased += event.erase
            texts.append(text(shown.tail))
    assert texts == ["c", "cz", "cat"]
    assert erased == 1


@shared_fixtures
@given(
    cuts=st.lists(st.integers(0, 250), max_size=12).map(sorted),
    seed=st.integers(0, 50),
    lag=st.sampled_from([0.0, 0.04, 0.3, 0.8, 60.0]),
)
def test_final_text_is_the_same_for_any_cut(
    scorer: LanguageScorer, babble: PathMaker, cuts: list[int], seed: int, lag: float
) -> None:
    emissions = babble(250, seed)
    texts = []
    for each in (cuts, [], list(range(1, 250))):
        shown = KeySequence()
        final: list[Key] = []
        for event in events_of(committer(scorer, lag), emissions, each):
            # This raises if a final key is touched.
            final += shown.push(event)
            assert tuple(final) == shown.final
            assert event.tail == len(shown.tail)
            assert all(0 <= key.confidence <= 1 for key in event.insert)
            assert all(key.time <= event.time for key in event.insert)
        assert shown.tail == ()
        texts.append(text(shown.final))
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) > 5


@shared_fixtures
@given(seed=st.integers(0, 50), hop=st.integers(1, 9))
def test_the_tail_is_never_older_than_the_lag(scorer: LanguageScorer, babble: PathMaker, seed: int, hop: int) -> None:
    beam = PrefixBeam(BeamSettings(), scorer)
    decoder = Committer(beam, CommitRule(lag_s=0.2))
    emissions = babble(200, seed)
    for piece in pieces(emissions, list(range(hop, 200, hop))):
        decoder.push(piece)
        assert all(time > piece.times[-1] - 0.2 for time in beam.best().times)
        assert all(time > piece.times[-1] - 0.2 - PATIENCE for h in beam.nbest(50) for time in h.times)


def test_a_rival_with_a_key_more_is_dropped_in_time(ctc_path: PathMaker) -> None:
    beam = PrefixBeam(BeamSettings(), NoLanguageModel())
    decoder = Committer(beam, CommitRule(lag_s=0.1))
    faint = ctc_path("_" * 300)
    log_probs = faint.log_probs.copy()
    log_probs[3, 0] = np.log(0.3)
    rivals = []
    for piece in pieces(Emission(log_probs, faint.times), list(range(1, 300))):
        decoder.push(piece)
        rivals.append(len(beam.nbest(50)) - 1)
    gone = 3 + round((0.1 + PATIENCE) / 0.008)
    assert rivals[3:gone] == [1] * (gone - 3)
    assert rivals[gone + 1 :] == [0] * (299 - gone)


def test_faint_traces_of_idle_time_add_up_to_nothing(ctc_path: PathMaker) -> None:
    """At 0.2 % in every frame, a key somewhere in 5 s would be likelier than none if all traces were remembered."""
    idle = ctc_path("_" * 3000, 0.998)
    log_probs = idle.log_probs.copy()
    log_probs[:, 0] = np.log(0.0019)
    decoder = Committer(PrefixBeam(BeamSettings(), NoLanguageModel()))
    assert [e for e in events_of(decoder, Emission(log_probs, idle.times), list(range(1, 3000))) if e.insert] == []


def test_typo_and_backspace_across_commits(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    """`c z ⌫ a t` has the language model total of `c a t`, even if every key is final before the next one."""
    totals = []
    for keys in ("cat", "cz⌫at"):
        beam = PrefixBeam(BeamSettings(), scorer)
        decoder, shown = Committer(beam, CommitRule(lag_s=0.0)), KeySequence()
        for number, key in enumerate(keys):
            (event,) = decoder.push(ctc_path(f"{key}_", start=float(number)))
            assert (text(shown.push(event)), event.tail) == (key, 0)
        totals.append(beam.best().lm)
        assert text(shown.final) == keys
    assert totals[0] == pytest.approx(totals[1], abs=1e-12)
    assert totals[0] != 0


def test_one_run_goes_on_after_a_reset(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    decoder, shown = committer(scorer), KeySequence()
    for start in (0.0, 9.0):
        for event in events_of(decoder, ctc_path("c_a_", start=start), [2]):
            shown.push(event)
    assert text(shown.final) == "caca"
    for keys in "tc":
        (last,) = decoder.push(ctc_path(keys))
        shown.push(last)
        # After a reset without `finish` the keys that were shown stand as final.
        if keys == "t":
            decoder.reset()
    assert (text(shown.final), text(shown.tail)) == ("cacat", "c")


def test_finish_ranks_the_text_as_ended(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    """`</s>` is likely after t and not after z: at the end, and only there, the last key is read as t."""
    emissions = ctc_path("c_a_t_")
    log_probs = emissions.log_probs.copy()
    log_probs[4, [19, 25]] = np.log(0.11), np.log(0.89)
    probe = PrefixBeam(BeamSettings(), scorer)
    probe.push(Emission(log_probs, emissions.times))
    ranked = [labels_to_text(h.labels) for h in probe.nbest(2)]
    probe.finish()
    ended = probe.nbest(2)
    assert [ranked, [labels_to_text(h.labels) for h in ended]] == [["caz", "cat"], ["cat", "caz"]]
    assert ended[0].lm == pytest.approx(0.5 * np.log(10) * (-0.3 - 0.15 - 0.35 - 0.1) + 3 * 1.25, abs=1e-6)
    (tail,) = committer(scorer).push(Emission(log_probs, emissions.times))
    assert text(tail.insert) == "caz"
    shown = KeySequence()
    for event in events_of(committer(scorer), Emission(log_probs, emissions.times), []):
        shown.push(event)
    assert text(shown.final) == "cat"
    probe.push(ctc_path("_", start=1.0))
    # The text goes on, so that ranking is taken back.
    assert [labels_to_text(h.labels) for h in probe.nbest(2)] == ranked


@shared_fixtures
@given(at=st.integers(0, 200), seed=st.integers(0, 50), rule=st.sampled_from(["revise", "hold"]), hot=st.booleans())
def test_a_committer_with_the_state_of_another_goes_on_as_it_would(
    arpa: str,
    facts: LanguageModelFacts,
    scorer_of_kind: Callable[..., LanguageScorer],
    babble: PathMaker,
    at: int,
    seed: int,
    rule: Mode,
    hot: bool,
) -> None:
    def new() -> Committer:
        graph = hot_word_graph(parse_hot_words(["cat", "at a:2"], 1.0)) if hot else None
        beam = PrefixBeam(BeamSettings(), scorer_of_kind("flat", arpa, facts), hot_words=graph)
        return Committer(beam, CommitRule(rule, lag_s=0.3, confidence=0.9, show_from=0.3, reject_below=0.2))

    emissions = babble(200, seed)
    decoder, fresh = new(), new()
    before = [
        piece
        for piece in pieces(emissions, list(range(3, 200, 3)))
        if piece.times[-1] < emissions.times[0] + 0.008 * at
    ]
    after = list(pieces(emissions, list(range(3, 200, 3))))[len(before) :]
    for piece in before:
        decoder.push(piece)
    fresh.push(babble(50, seed + 1))
    state = decoder.state
    expected = [decoder.push(piece) for piece in after], decoder.finish(), decoder.rejected
    fresh.state = state
    assert fresh.state == state
    assert ([fresh.push(piece) for piece in after], fresh.finish(), fresh.rejected) == expected


def test_a_state_that_is_not_of_the_beam_cannot_be_set(scorer: LanguageScorer, ctc_path: PathMaker) -> None:
    decoder = committer(scorer)
    with pytest.raises(ValueError, match="beam"):
        decoder.state = CommitterState(b"none", (), 0.0, 3, 0)
    (event,) = decoder.push(ctc_path("c_"))
    assert (event.seq, event.tail) == (0, 1)
