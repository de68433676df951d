"""The language model's facts and rules, by KenLM and by the flat tables alike."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import log

import kenlm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoder.language.kenlm_scorer import KenlmScorer, load_scorer
from decoder.language.model import START, LanguageModelFacts, LanguageScorer
from messages.charset import text_to_labels
from messages.errors import InputError

MakeScorer = Callable[[LanguageModelFacts], LanguageScorer]
LN10 = log(10)


def typed(scorer: LanguageScorer, text: str) -> tuple[list[float], int]:
    """Return the nats per key of a text without weight and bonus, and the state after it."""
    state = np.array([START], np.int32)
    nats = []
    for label in text_to_labels(text):
        key = np.array([label])
        nats.append(float(scorer.extend(state, key)[0] - 1.25) / 0.5)
        state = scorer.advance(state, key)
    return nats, int(state[0])


@pytest.mark.parametrize(
    ("text", "log10"),
    [
        ("cat", [-0.3, -0.15, -0.35]),
        # A key outside the alphabet ends the word, and the next one begins.
        ("cat ", [-0.3, -0.15, -0.35, -0.1]),
        ("cat c", [-0.3, -0.15, -0.35, -0.1, -0.3]),
        # Between words it costs the <unk> unigram, without the back-off of <s>.
        (" c", [-2.0, -0.3]),
        ("  ", [-2.0, -2.0]),
        # Two back-offs.
        ("cc", [-0.3, -0.03125 - 0.125 - 0.5]),
        ("cz", [-0.3, -0.03125 - 0.9]),
        # T is outside this alphabet: </s> after a.
        ("aT", [-0.25 - 0.6, -0.375 - 0.75]),
    ],
)
def test_scores_are_those_summed_by_hand(scorer: LanguageScorer, text: str, log10: list[float]) -> None:
    nats, _ = typed(scorer, text)
    assert nats == pytest.approx([LN10 * score for score in log10], abs=1e-6)


def test_the_end_costs_nothing_between_words(scorer: LanguageScorer) -> None:
    states = np.array([typed(scorer, text)[1] for text in ("cat", "cat ", "")], np.int32)
    assert scorer.end(states) == pytest.approx([0.5 * LN10 * -0.1, 0, 0], abs=1e-6)
    assert states[1:].tolist() == [START, START]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("catz", min_size=1, max_size=12))
def test_words_cost_the_same_as_in_kenlm(scorer: LanguageScorer, arpa: str, text: str) -> None:
    model = kenlm.Model(arpa)
    nats, state = typed(scorer, text)
    assert sum(nats) == pytest.approx(LN10 * model.score(" ".join(text), eos=False), abs=1e-5)
    ended = sum(nats) + scorer.end(np.array([state], np.int32))[0] / 0.5
    assert ended == pytest.approx(LN10 * model.score(" ".join(text)), abs=1e-5)


def test_capitals_that_share_a_token_cost_the_same(make_scorer: MakeScorer, facts: LanguageModelFacts) -> None:
    scorer = make_scorer(replace(facts, tokens={**facts.tokens, "C": "c", "A": "a"}))
    assert typed(scorer, "CAt") == typed(scorer, "cat")


def test_weights_can_be_given(make_scorer: MakeScorer, facts: LanguageModelFacts) -> None:
    scorer = make_scorer(replace(facts, weight=2.0, bonus=0.0))
    scores = scorer.extend(np.zeros(1, np.int32), np.array(text_to_labels("c")))
    assert scores[0] == pytest.approx(2 * LN10 * -0.3, abs=1e-6)
    assert not scorer.largest_gain.any()


def test_forgetting_keeps_the_states_in_use(arpa: str, facts: LanguageModelFacts) -> None:
    scorer = KenlmScorer(kenlm.Model(arpa), facts, rows=3)
    texts = ["cat", "cat ", "ca", "z", "ca"]
    states = np.array([typed(scorer, text)[1] for text in texts], np.int32)
    assert scorer.crowded
    remaining = scorer.keep(states)
    assert (remaining[1], remaining[2]) == (START, remaining[4])
    assert scorer.overflows == 1
    for text, state in zip(texts, remaining, strict=True):
        expected = typed(load_scorer(arpa, facts), f"{text}t")[0][-1]
        scores = scorer.extend(np.array([state], np.int32), np.array(text_to_labels("t")))
        assert (scores[0] - 1.25) / 0.5 == pytest.approx(expected, abs=1e-12)


def test_keys_of_one_token_share_its_probability(make_scorer: MakeScorer, facts: LanguageModelFacts) -> None:
    priors = {"c": log(0.9), "C": log(0.1), " ": log(0.75)}
    scorer = make_scorer(replace(facts, tokens={**facts.tokens, "C": "c"}, priors=priors))
    plain, _ = typed(make_scorer(facts), "cac ")
    nats, _ = typed(scorer, "cac ")
    assert np.subtract(nats, plain) == pytest.approx([log(0.9), 0, log(0.9), log(0.75)], abs=1e-9)
    nats, _ = typed(scorer, "Cac ")
    assert np.subtract(nats, plain) == pytest.approx([log(0.1), 0, log(0.9), log(0.75)], abs=1e-9)
    assert (scorer.largest_gain >= scorer.extend(np.zeros(98, np.int32), np.arange(98))).all()


def test_keys_that_the_model_does_not_see_cost_only_their_prior(
    make_scorer: MakeScorer, facts: LanguageModelFacts
) -> None:
    (backspace, shift) = text_to_labels("⌫⇧")
    assert make_scorer(facts).prices[[backspace, shift]].tolist() == [0, 0]
    scorer = make_scorer(replace(facts, priors={"⌫": -4.0, "⇧": -2.0}))
    assert scorer.prices[[backspace, shift]].tolist() == [0.5 * -4 + 1.25, 0.5 * -2 + 1.25]


@pytest.mark.parametrize("priors", [{}, {"c": -0.5, "⌫": -4.0}])
def test_facts_survive_their_file(facts: LanguageModelFacts, priors: dict[str, float]) -> None:
    facts = replace(facts, priors=priors)
    assert LanguageModelFacts.from_json(facts.to_json()) == facts


def test_facts_of_before_the_priors_are_read(facts: LanguageModelFacts) -> None:
    assert LanguageModelFacts.from_json(without(facts, "priors")) == facts


def without(facts: LanguageModelFacts, *names: str, **changes: object) -> str:
    table = {**json.loads(facts.to_json()), **changes}
    return json.dumps({name: value for name, value in table.items() if name not in names})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "is of version 2, .*expected version 1"),
        ({"kind": "bytes"}, "kind 'bytes'"),
        ({"weight": -1}, "weight -1"),
        ({"weight": "heavy"}, "cannot be read"),
        ({"tokens": {"é": "e"}}, r"another alphabet: it scores \['é'\]"),
        ({"tokens": {"⌫": "b"}}, "it scores '⌫'"),
        ({"silent": ["c"]}, r"it scores \['c'\]"),
        ({"tokens": "abc"}, "cannot be read"),
        ({"priors": {"c": 0.5}}, r"wrong priors for \['c'\]"),
        ({"priors": {"c": float("nan")}}, r"wrong priors for \['c'\]"),
        ({"priors": {"é": -1}}, r"wrong priors for \['é'\]"),
        ({"priors": [1]}, "cannot be read"),
        ({"colour": "red"}, "cannot be read .*colour"),
    ],
)
def test_facts_that_do_not_fit_are_refused(facts: LanguageModelFacts, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        LanguageModelFacts.from_json(without(facts, **change))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"kind": "words"}', "null"])
def test_texts_that_are_not_facts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        LanguageModelFacts.from_json(text)


@pytest.mark.parametrize(
    ("tokens", "order", "sentence"),
    [
        ({"q": "q", "c": "c"}, 3, r"another alphabet.*lacks the tokens \['q'\]"),
        ({"c": "c"}, 6, "has order 3 .*order 6"),
    ],
)
def test_a_model_of_another_alphabet_is_refused(
    make_scorer: MakeScorer, facts: LanguageModelFacts, tokens: dict[str, str], order: int, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        make_scorer(replace(facts, tokens=tokens, order=order))


def test_files_that_are_not_a_model_are_refused(
    arpa: str, facts: LanguageModelFacts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bad") / "lm.binary"
    with pytest.raises(InputError, match="no such file"):
        load_scorer(str(path), facts)
    path.write_bytes(b"not a model\n" * 20)
    with pytest.raises(InputError, match="not a KenLM model"):
        load_scorer(str(path), facts)
