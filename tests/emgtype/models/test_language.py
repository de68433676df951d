"""Language models: their alphabet and lines, and that a model gives probabilities."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import kenlm
import numpy as np
import pytest

from adapters.bundles.language_tables import read_tables
from decoder.language.flat import FlatScorer
from decoder.language.kenlm_scorer import load_scorer
from decoder.language.model import START, LanguageModelFacts
from emgtype.models.language import Origin, build_language_model, find_lmplz, text_tokens, word_tokens
from emgtype.places import LM_BINARY, LM_TABLES, PACKAGE
from emgtype.texts import load_text
from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, text_to_labels
from messages.errors import InputError
from simulator.text import prompts

DEMO = PACKAGE.find("exported/demo")
ORIGIN = Origin("a test", "none")
# Words of uneven length and frequency, so that counts of counts look like those of a language.
TEXT = [" ".join(line.split()) for line in prompts(load_text("demo")[:80], seed=2)]
try:
    find_lmplz()
    has_lmplz = True
except InputError:
    has_lmplz = False
needs_lmplz = pytest.mark.skipif(not has_lmplz, reason="lmplz is not built (scripts/build_lmplz.sh)")


def total_probability(model: kenlm.Model, tokens: Sequence[str], context: Sequence[str], *, from_start: bool) -> float:
    """Sum the probabilities of all tokens after a context."""
    state, after = kenlm.State(), kenlm.State()
    model.BeginSentenceWrite(state) if from_start else model.NullContextWrite(state)
    for token in context:
        model.BaseScore(state, token, after)
        state, after = after, kenlm.State()
    return math.fsum(10 ** model.BaseScore(state, token, after) for token in [*tokens, "</s>", "<unk>"])


def assert_is_a_probability(folder: Path, contexts: int) -> None:
    model = kenlm.Model(str(folder / "lm.binary"))
    tokens = sorted(set(json.loads((folder / "lm.json").read_text(encoding="utf-8"))["tokens"].values()))
    rng = np.random.default_rng(0)
    stream = [token for line in text_tokens(TEXT) for token in line if token in tokens]
    for n in range(contexts):
        first, length = int(rng.integers(len(stream))), int(rng.integers(0, 9))
        # Every other context is real text, whose long n-grams the model knows; the others make it back off.
        context = (
            stream[first : first + length] if n % 2 else [tokens[i] for i in rng.integers(len(tokens), size=length)]
        )
        total = total_probability(model, tokens, context, from_start=bool(rng.integers(2)))
        assert total == pytest.approx(1, abs=1e-4), context


def test_words_are_single_in_lower_case_and_a_to_z() -> None:
    line = 'Call me "Ishmael." Some 3 years ago—never mind--I don\'t know, naïve.'
    words = ["".join(word) for word in word_tokens([line])]
    assert words == ["call", "me", "ishmael", "some", "years", "ago", "never", "mind", "i", "know"]


def test_text_lines_are_the_keys_with_capitals_folded() -> None:
    lines = list(text_tokens(["Ab, c’d 7\n", " \n", "⇧é\b—x"]))
    assert lines == [list("ab,▁c'd▁7"), list("e-x")]


@needs_lmplz
@pytest.mark.parametrize("order", [3, 6])
@pytest.mark.parametrize("kind", ["words", "text"])
def test_a_model_sums_to_one_in_every_context(kind: str, order: int, tmp_path: Path) -> None:
    build_language_model(TEXT, kind, tmp_path / "lm", ORIGIN, order=order)
    assert_is_a_probability(tmp_path / "lm", contexts=60)
    assert kenlm.Model(str(tmp_path / "lm" / "lm.binary")).order == order


@needs_lmplz
def test_real_contexts_predict_the_next_key(tmp_path: Path) -> None:
    build_language_model(TEXT, "text", tmp_path, ORIGIN)
    model = kenlm.Model(str(tmp_path / "lm.binary"))
    assert model.score("t h e ▁", eos=False) > model.score("t h q ▁", eos=False) + 1
    assert "A" not in model
    assert "▁" in model


@needs_lmplz
def test_the_facts_name_keys_tokens_and_origin(tmp_path: Path) -> None:
    build_language_model(
        ["it is, 7 times"] * 9, "text", tmp_path / "text", Origin("whales", "CC0-1.0", 0.5, 2.0), order=2
    )
    facts = json.loads((tmp_path / "text" / "lm.json").read_text(encoding="utf-8"))
    tokens, priors = facts.pop("tokens"), facts.pop("priors")
    assert facts == {
        "version": 1,
        "kind": "text",
        "order": 2,
        "silent": [SHIFT],
        "source": "whales",
        "licence": "CC0-1.0",
        "weight": 0.5,
        "bonus": 2.0,
    }
    letters = dict(zip("itsme" + "ITSME", "itsme" * 2, strict=True))
    assert tokens == letters | {" ": "▁", ",": ",", "7": "7"}
    assert priors["⌫"] == pytest.approx(math.log(0.043) - 1.3, abs=1e-4)
    assert priors["i"] == priors["s"] == pytest.approx(math.log(1 - 0.001 / 2), abs=1e-4)
    assert priors["I"] == pytest.approx(math.log(0.001 / 2), abs=1e-4)  # no text is without capitals for ever
    others = len(KEYS) - len(tokens) - 2
    assert priors[ENTER] == pytest.approx(math.log(1 - 0.001 + 0.001 / others), abs=1e-4)
    assert priors["@"] == pytest.approx(math.log(0.001 / others), abs=1e-4)
    assert priors[SHIFT] == pytest.approx(math.log(0.001 / len(KEYS)), abs=1e-4)
    assert not {" ", ",", "7"} & set(priors)
    build_language_model(TEXT, "words", tmp_path / "words", ORIGIN, order=2)
    facts = json.loads((tmp_path / "words" / "lm.json").read_text(encoding="utf-8"))
    assert facts["silent"] == []
    assert facts["tokens"] == {key: key for key in "abcdefghijklmnopqrstuvwxyz"}


@needs_lmplz
def test_the_same_text_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_language_model(TEXT, "text", tmp_path / name, ORIGIN)
    one, two = (hashlib.sha256((tmp_path / name / "lm.binary").read_bytes()).digest() for name in ("one", "two"))
    assert one == two


@needs_lmplz
@pytest.mark.parametrize("kind", ["words", "text"])
def test_a_text_without_words_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no word"):
        build_language_model(["", "\b\n"], kind, tmp_path, ORIGIN)
    assert not (tmp_path / "lm.binary").exists()


def test_impossible_requests_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'syllables' is unknown: choose words or text"):
        build_language_model(TEXT, "syllables", tmp_path, ORIGIN)
    with pytest.raises(InputError, match="order 7 cannot be built: choose 2 to 6"):
        build_language_model(TEXT, "text", tmp_path, ORIGIN, order=7)
    with pytest.raises(InputError, match="no lmplz at nowhere: run scripts/build_lmplz"):
        build_language_model(TEXT, "text", tmp_path, ORIGIN, lmplz=Path("nowhere"))


def test_the_message_of_lmplz_reaches_the_user(tmp_path: Path) -> None:
    broken = tmp_path / "lmplz"
    broken.write_text("#!/bin/sh\necho 'the disk is full' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(InputError, match="lmplz refused the text: the disk is full"):
        build_language_model(TEXT, "text", tmp_path / "out", ORIGIN, lmplz=broken)


def test_the_shipped_model_sums_to_one_in_every_context() -> None:
    assert_is_a_probability(DEMO, contexts=300)


def test_the_shipped_model_fits_its_facts_and_its_text() -> None:
    facts = json.loads((DEMO / "lm.json").read_text(encoding="utf-8"))
    model = kenlm.Model(str(DEMO / "lm.binary"))
    assert model.order == facts["order"] == 6
    assert facts["kind"] == "text"
    assert all(token in model for token in facts["tokens"].values())
    assert set(facts["tokens"]) <= set(LABELS) - {ENTER, SHIFT}
    assert (DEMO / "lm.binary").stat().st_size < 8e6
    lines = list(text_tokens(prompts(load_text("demo"), seed=0)))
    bits = -math.log2(10) * sum(model.score(" ".join(line)) for line in lines) / sum(len(line) + 1 for line in lines)
    assert 1.5 < bits < 2.1  # a model of this text would need less


def test_the_shipped_tables_equal_the_shipped_model() -> None:
    facts = LanguageModelFacts.from_json((DEMO / "lm.json").read_text(encoding="utf-8"))
    kenlm_s = load_scorer(str(DEMO / LM_BINARY), facts)
    flat = FlatScorer(read_tables(DEMO / LM_TABLES), facts)
    states = [np.full(200, START, np.int32) for _ in range(2)]
    rng = np.random.default_rng(4)
    text = np.array([label for line in TEXT for label in text_to_labels(line.lower())])
    keys = np.flatnonzero(~kenlm_s.silent & (np.arange(len(KEYS)) != LABELS[BACKSPACE]))
    begins = rng.integers(len(text) - 60, size=200)
    for n in range(60):
        labels = np.where(np.arange(200) % 3 == 0, rng.choice(keys, 200), text[begins + n])
        assert flat.extend(states[1], labels) == pytest.approx(kenlm_s.extend(states[0], labels), abs=1e-5)
        assert flat.end(states[1]) == pytest.approx(kenlm_s.end(states[0]), abs=1e-5)
        states = [kenlm_s.advance(states[0], labels), flat.advance(states[1], labels)]
