"""The flat tables: KenLM's own scores for any n-grams; files that are not such tables are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoder.language.flat import EMPTY, FlatScorer, FlatTables, tables_from_arpa
from decoder.language.kenlm_scorer import load_scorer
from decoder.language.model import START, LanguageModelFacts, LanguageScorer
from messages.charset import KEYS
from messages.errors import InputError

TOKENS = tuple(key for key in KEYS if key.isascii() and key.isprintable() and key not in " \\")[:80]
"""More than fit into one word of bits."""


def random_arpa(seed: int, order: int, texts: int) -> str:
    """Return an ARPA file of the n-grams of random texts, with random weights."""
    rng = np.random.default_rng(seed)
    grams: list[set[tuple[str, ...]]] = [{(token,) for token in (*TOKENS, "<s>", "</s>", "<unk>")}]
    grams += [set() for _ in range(order - 1)]
    # The first text is long enough for all orders.
    for length in [order, *rng.integers(1, 12, texts)]:
        text = ("<s>", *rng.choice(TOKENS[:: int(rng.integers(1, 20))], length).tolist(), "</s>")
        for n in range(2, order + 1):
            grams[n - 1] |= {text[i : i + n] for i in range(len(text) - n + 1)}
    lines = ["\\data\\", *(f"ngram {n}={len(of_order)}" for n, of_order in enumerate(grams, 1))]
    for n, of_order in enumerate(grams, 1):
        lines += ["", f"\\{n}-grams:"]
        for gram in sorted(of_order):
            score, backoff = -rng.uniform(0.1, 3), -rng.uniform(0, 1) * rng.integers(2)
            ends = n == order or gram[-1] in ("</s>", "<unk>")
            lines.append(f"{score:.6f}\t{' '.join(gram)}" + ("" if n == order else f"\t{0 if ends else backoff:.6f}"))
    return "\n".join([*lines, "", "\\end\\", ""])


def facts_for(order: int) -> LanguageModelFacts:
    return LanguageModelFacts("text", order, {token: token for token in TOKENS}, silent=("⇧",), weight=0.7, bonus=1.5)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 9999), order=st.integers(2, 6), texts=st.integers(1, 60))
def test_scores_are_kenlm_s_on_random_text(tmp_path: Path, seed: int, order: int, texts: int) -> None:
    path = tmp_path / "random.arpa"
    path.write_text(random_arpa(seed, order, texts), encoding="utf-8")
    facts = facts_for(order)
    with path.open(encoding="utf-8") as lines:
        tables = tables_from_arpa(lines)
    scorers: list[LanguageScorer] = [load_scorer(str(path), facts), FlatScorer(tables, facts)]
    rng = np.random.default_rng(seed)
    states = [np.full(40, START, np.int32) for _ in scorers]
    scored = [label for label, key in enumerate(KEYS) if key not in "⇧⌫"]
    for _ in range(25):
        labels = rng.choice(scored, 40)
        scores = [scorer.extend(at, labels) for scorer, at in zip(scorers, states, strict=True)]
        assert scores[1] == pytest.approx(scores[0], abs=1e-5)
        states = [scorer.advance(at, labels) for scorer, at in zip(scorers, states, strict=True)]
        ends = [scorer.end(at) for scorer, at in zip(scorers, states, strict=True)]
        assert ends[1] == pytest.approx(ends[0], abs=1e-5)


def test_tables_survive_as_arrays(arpa: str, facts: LanguageModelFacts, tmp_path: Path) -> None:
    with Path(arpa).open(encoding="utf-8") as lines:
        tables = tables_from_arpa(lines)
    again = FlatTables.from_arrays(tables.to_arrays())
    assert (again.order, again.tokens, again.unknown) == (tables.order, tables.tokens, tables.unknown)
    for name in ("seen", "first", "suffix", "backoff", "score", "next"):
        assert np.array_equal(getattr(again, name), getattr(tables, name))
    assert set(FlatScorer(again, facts).largest_gain) == {facts.bonus, 0.0}


@pytest.mark.parametrize(
    "change",
    [
        {"next": 99},
        {"next": -1},
        # A circle: the loop that shortens a context would not end.
        {"suffix": 5},
        {"suffix": -1},
        {"seen": 0},
        {"first": 3},
    ],
)
def test_tables_that_point_out_of_themselves_are_refused(arpa: str, tmp_path: Path, change: dict[str, int]) -> None:
    with Path(arpa).open(encoding="utf-8") as lines:
        tables = tables_from_arpa(lines)
    ((name, value),) = change.items()
    array = getattr(tables, name).copy()
    array[-1 if name != "suffix" else 2] = value
    with pytest.raises(ValueError, match="do not fit together"):
        FlatTables.from_arrays(replace(tables, **{name: array}).to_arrays())


def test_tables_whose_empty_context_has_seen_another_token_are_refused(arpa: str, tmp_path: Path) -> None:
    with Path(arpa).open(encoding="utf-8") as lines:
        tables = tables_from_arpa(lines)
    seen = tables.seen.copy()
    # As many tokens, but the loop that looks for the first would not end.
    seen[EMPTY, 0] -= np.uint64(1)
    seen[EMPTY, 1] |= np.uint64(1) << np.uint64(63)
    with pytest.raises(ValueError, match="do not fit together"):
        FlatTables.from_arrays(replace(tables, seen=seen).to_arrays())


@pytest.mark.parametrize(("name", "value"), [("score", np.nan), ("backoff", -np.inf), ("next", 0.5)])
def test_tables_of_other_numbers_are_refused(arpa: str, tmp_path: Path, name: str, value: float) -> None:
    with Path(arpa).open(encoding="utf-8") as lines:
        tables = tables_from_arpa(lines)
    array = getattr(tables, name).astype(np.float32)
    array[-1] = value
    with pytest.raises(ValueError, match="its numbers"):
        FlatTables.from_arrays(replace(tables, **{name: array}).to_arrays())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has 0 tokens"),
        ("\\1-grams:\n-1\ta\n\\end\\", "expected </s>"),
        ("\\1-grams:\n-1\ta b\n", "not a 1-gram"),
        ("\\1-grams:\nmuch\ta\n", "not a 1-gram"),
        ("\\1-grams:\n" + "\n".join(f"-1\tt{i}" for i in range(200)) + "\n-1\t</s>\n-1\t<unk>\n", "at most 128"),
    ],
)
def test_lines_that_are_not_an_arpa_file_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        tables_from_arpa(text.splitlines())
