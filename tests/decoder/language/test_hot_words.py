"""Hot words: the automaton gives the nats that counting the words in a text gives, and the beam ranks by them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoder._native import HotWords
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import CommitRule, Committer
from decoder.language.hot_words import MOST_KEYS, HotWord, hot_word_graph, parse_hot_words
from decoder.language.model import LanguageModelFacts, LanguageScorer, NoLanguageModel
from messages.charset import LABELS, labels_to_text, text_to_labels
from messages.emission import Emission
from messages.errors import InputError
from messages.text import Key, KeySequence

PathMaker = Callable[..., Emission]
MakeScorer = Callable[[LanguageModelFacts], LanguageScorer]
PART = "[A-Za-z0-9]"
pieces = st.text("ab+ ", min_size=1, max_size=5).map(lambda text: " ".join(text.split())).filter(bool)
hot_words = st.dictionaries(pieces, st.sampled_from([0.5, 1.0, 3.0]), min_size=1, max_size=6)


def graph_of(*words: str, weight: float = 1.0) -> HotWords:
    graph = hot_word_graph(parse_hot_words(words, weight))
    assert graph is not None
    return graph


def gains(graph: HotWords, text: str) -> tuple[list[float], int]:
    """Return the nats per key, and the state after them."""
    state, nats = 0, []
    for label in text_to_labels(text):
        nats.append(graph.gain(state, label))
        state = graph.next(state, label)
    return nats, state


def boundaries(word: str) -> tuple[str, str]:
    """Return regular expressions of the characters that must not stand before and behind a hot word."""
    return f"(?<!{PART})" if re.match(PART, word) else "", f"(?!{PART})" if re.match(PART, word[-1]) else ""


def complete(words: dict[str, float], text: str) -> float:
    """Return the nats of the hot words in a whole text, overlapping ones too."""
    total = 0.0
    for word, weight in words.items():
        before, behind = boundaries(word)
        total += len(word) * weight * len(re.findall(f"{before}(?={re.escape(word)}{behind})", text))
    return total


def pending(words: dict[str, float], text: str) -> float:
    """Return the nats that are pending at the text's end: for the longest beginning of a word, or for whole words."""
    shares = [0.0]
    for word, weight in words.items():
        before, _ = boundaries(word)
        shares += [
            end * weight for end in range(1, len(word) + 1) if re.search(f"{before}{re.escape(word[:end])}$", text)
        ]
    return max(*shares, complete(words, text) - earned(words, text))


def earned(words: dict[str, float], text: str) -> float:
    """Return the nats of the hot words before the text's last key, which stay whatever follows."""
    return complete(words, text) - sum(
        len(word) * weight
        for word, weight in words.items()
        if re.search(f"{boundaries(word)[0]}{re.escape(word)}$", text)
    )


@given(words=hot_words, text=st.text("ab+ ", max_size=14))
def test_a_text_gets_the_nats_of_the_hot_words_in_it(words: dict[str, float], text: str) -> None:
    graph = graph_of(*(f"{word}:{weight}" for word, weight in words.items()))
    for length in range(len(text) + 1):
        nats, state = gains(graph, text[:length])
        assert sum(nats) == pytest.approx(earned(words, text[:length]) + pending(words, text[:length]), abs=1e-9)
        assert sum(nats) + graph.end(state) == pytest.approx(complete(words, text[:length]), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "nats"),
    [
        ("the ann", [0, 0, 0, 0, 2, 2, 2]),
        ("ann ", [2, 2, 2, 0]),
        # The beginning of another word does not count, nor does its end.
        ("anna", [2, 2, 2, -6]),
        ("bann ", [0, 0, 0, 0, 0]),
        ("ann's", [2, 2, 2, 0, 0]),
        ("a⇧nn", [2, 0, 2, 2]),
        ("at", [2, -2]),
        ("Ann", [0, 0, 0]),
        ("ann⏎", [2, 2, 2, 0]),
    ],
)
def test_bonuses_by_hand(text: str, nats: list[float]) -> None:
    assert gains(graph_of("ann", weight=2), text)[0] == nats


def test_a_phrase_and_a_word_in_it_both_count() -> None:
    graph = graph_of("new york:1", "york:2")
    assert sum(gains(graph, "new york ")[0]) == 16
    assert sum(gains(graph, "new yorker")[0]) == 0


@pytest.mark.parametrize("word", ["C++", "u.s."])
def test_a_mark_at_the_end_needs_nothing_behind_it(word: str) -> None:
    graph = graph_of(word)
    assert sum(gains(graph, f"{word}⇧a")[0]) == len(word)
    assert sum(gains(graph, f"x{word}")[0]) == 0


def shapes(words: Sequence[str]) -> list[tuple[str, float]]:
    return [(word.text, word.weight) for word in parse_hot_words(words, 1.5)]


def test_words_as_settings_write_them() -> None:
    assert shapes(["emgtype", "Ann:2", "C++ : 3", "a:b", "10:30:1", ":)", "::2", "Ann:2"]) == [
        ("emgtype", 1.5),
        ("Ann", 2.0),
        ("C++", 3.0),
        ("a:b", 1.5),
        ("10:30", 1.0),
        (":)", 1.5),
        (":", 2.0),
    ]
    assert hot_word_graph(()) is None


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("", "'' is empty"),
        ("  ", "'' is empty"),
        ("new  york", "odd spaces"),
        ("café", "'café' has é, which is not a character"),
        ("a⌫b", "has ⌫, which is not a character"),
        ("Ann:nan", "'Ann' weighs nan: expected a finite number"),
        ("Ann:inf", "weighs inf"),
        ("Ann:0", "weighs 0"),
        ("Ann:-1", "weighs -1"),
    ],
)
def test_words_that_cannot_be_hot_words_are_refused(word: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_hot_words([word], 1.0)


def test_a_word_has_one_weight() -> None:
    with pytest.raises(InputError, match=r"'Ann' has the weights 1 and 2: name it once"):
        parse_hot_words(["Ann", "Ann:2"], 1.0)


def test_too_many_are_refused() -> None:
    with pytest.raises(InputError, match="expected at most"):
        hot_word_graph([HotWord(f"{i:0100}", 1.0) for i in range(MOST_KEYS // 100 + 1)])


def test_states_have_the_same_numbers_in_every_process() -> None:
    """The state of a beam names them, and may be set in another process."""
    program = (
        "from decoder.language.hot_words import hot_word_graph, parse_hot_words\n"
        "from messages.charset import LABELS\n"
        "graph = hot_word_graph(parse_hot_words(['ann', 'bob', 'cat', 'dan', 'eve', 'fay'], 1.0))\n"
        "print([graph.next(0, LABELS[key]) for key in 'abcdef'])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert outputs == {"[2, 3, 4, 5, 6, 7]\n"}


def hot_nats(graph: HotWords, typed: str) -> float:
    """Return the nats that a key sequence is given, with a stack for ⌫."""
    stack = [(0.0, 0)]
    for key in typed:
        if key == "⌫":
            stack = stack[:-1] or stack
        elif key != "⇧":
            total, state = stack[-1]
            stack.append((total + graph.gain(state, LABELS[key]), graph.next(state, LABELS[key])))
    return stack[-1][0]


@pytest.fixture(params=["none", "flat", "kenlm"])
def any_scorer(
    request: pytest.FixtureRequest, arpa: str, facts: LanguageModelFacts, scorer_of_kind: Callable[..., LanguageScorer]
) -> LanguageScorer:
    if request.param == "none":
        return NoLanguageModel(silent=False)
    return scorer_of_kind(request.param, arpa, replace(facts, priors={"⌫": -4.0}))


@pytest.mark.parametrize("typed", ["cat", "cz⌫at", "ca⌫⌫cat", "czz⌫⌫at ", "c⇧at z", "cat⌫", "cat⌫⌫⌫ cat", "⌫cat"])
def test_backspace_unwinds_the_hot_words_after_commits(
    ctc_path: PathMaker, any_scorer: LanguageScorer, typed: str
) -> None:
    graph = graph_of("cat", "at:3", weight=2)
    emission = ctc_path("_".join(typed) + "_")
    alone, both = (PrefixBeam(BeamSettings(), any_scorer, hot_words=hot) for hot in (None, graph))
    text = ""
    for beam in (alone, both):
        final: list[Key] = []
        for frame in range(len(emission.times)):
            beam.push(Emission(emission.log_probs[frame : frame + 1], emission.times[frame : frame + 1]))
            final += beam.cut(np.inf)
        text = labels_to_text(key.label for key in final)
        assert text == typed
    # Both went the same way, so the difference is the hot words'.
    assert both.best().lm - alone.best().lm == pytest.approx(hot_nats(graph, typed), abs=1e-9)
    for beam in (alone, both):
        beam.finish()
    ended = hot_nats(graph, f"{typed}⏎")
    assert both.best().lm - alone.best().lm == pytest.approx(ended, abs=1e-9)


def test_backspaces_deeper_than_memory_stay_where_memory_ends(ctc_path: PathMaker) -> None:
    graph = graph_of("c" * 40, "a")
    beam = PrefixBeam(BeamSettings(), NoLanguageModel(silent=False), hot_words=graph)
    for key in "c" * 30 + " " * 70 + "⌫" * 90 + " a ":
        beam.push(ctc_path(f"{key}_"))
        beam.cut(np.inf)
    # Memory ends behind 36 keys, of which six are spaces: the backspaces below that undo nothing.
    assert beam.best().lm == pytest.approx(hot_nats(graph, "c" * 30 + " " * 6 + " a "), abs=1e-9)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), words=st.lists(st.text("cat", min_size=1, max_size=4), max_size=3))
def test_hot_words_are_added_to_every_prefix(
    babble: PathMaker, any_scorer: LanguageScorer, seed: int, words: list[str]
) -> None:
    graph = hot_word_graph(parse_hot_words(words, 1.0))
    beam = PrefixBeam(BeamSettings(width=30), any_scorer, hot_words=graph)
    beam.push(babble(40, seed, blank=3.0))
    for found in beam.nbest(30):
        expected = language(any_scorer, found.labels) + (hot_nats(graph, labels_to_text(found.labels)) if graph else 0)
        assert found.lm == pytest.approx(expected, abs=1e-6)


def language(scorer: LanguageScorer, labels: Sequence[int]) -> float:
    stack, paid = [(0.0, 0)], 0.0
    for label in labels:
        if label == LABELS["⌫"] or scorer.silent[label]:
            stack = (stack[:-1] or stack) if label == LABELS["⌫"] else stack
            paid += float(scorer.prices[label])
        else:
            total, state = stack[-1]
            states, keys = np.array([state], np.int32), np.array([label])
            stack.append((total + float(scorer.extend(states, keys)[0]), int(scorer.advance(states, keys)[0])))
    return stack[-1][0] + paid


def test_a_hot_word_is_read_where_the_model_knows_better(ctc_path: PathMaker, scorer: LanguageScorer) -> None:
    emissions = ctc_path("c_a_t_")
    probs = np.exp(emissions.log_probs.astype(np.float64))
    probs[4, [LABELS["t"], LABELS["z"]]] = 0.55, 0.4
    emissions = Emission(np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32), emissions.times)
    texts = []
    for graph in (None, graph_of("caz", weight=2)):
        beam = PrefixBeam(BeamSettings(), scorer, hot_words=graph)
        beam.push(emissions)
        texts.append(labels_to_text(beam.best().labels))
    assert texts == ["cat", "caz"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), data=st.data())
def test_cuts_of_the_emissions_do_not_matter(
    babble: PathMaker,
    arpa: str,
    facts: LanguageModelFacts,
    scorer_of_kind: Callable[..., LanguageScorer],
    seed: int,
    data: st.DataObject,
) -> None:
    emissions, graph = babble(80, seed, blank=3.0), graph_of("cat", "tact:2", "a c", weight=1.5)
    cuts = sorted(data.draw(st.sets(st.integers(1, 79), max_size=8)))
    texts = []
    for kind, ends in [("flat", [80]), ("flat", [*cuts, 80]), ("flat", range(1, 81)), ("kenlm", [80])]:
        beam = PrefixBeam(BeamSettings(), scorer_of_kind(kind, arpa, facts), hot_words=graph)
        committer, keys, start = Committer(beam, CommitRule(lag_s=0.1, confidence=0.9)), KeySequence(), 0
        for end in ends:
            for event in committer.push(Emission(emissions.log_probs[start:end], emissions.times[start:end])):
                keys.push(event)
            start = end
        for event in committer.finish():
            keys.push(event)
        texts.append(labels_to_text(key.label for key in keys.final))
    assert len(set(texts)) == 1
