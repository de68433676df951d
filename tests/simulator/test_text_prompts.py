"""Texts: the split that keeps test text out of training, and prompts as they are typed."""

import itertools
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emgtype.texts import load_text
from messages.charset import LABELS
from simulator.text import SPLITS, prompts, split, word_prompts

TEXT = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=80), max_size=12)
WORDS = st.lists(st.lists(st.text("abcdefgh", min_size=1, max_size=6), max_size=30).map(" ".join), max_size=6)


@given(TEXT, TEXT)
def test_a_paragraph_keeps_its_split_in_any_text(paragraphs: list[str], more: list[str]) -> None:
    parts = split([*paragraphs, *more, *paragraphs])
    assert sum(len(part) for part in parts.values()) == 2 * len(paragraphs) + len(more)
    for name in SPLITS:
        assert set(split(paragraphs)[name]) <= set(parts[name])
    for one, other in itertools.combinations(SPLITS, 2):
        assert not set(parts[one]) & set(parts[other])


def test_the_shares_of_the_split() -> None:
    parts = split(f"paragraph {i}" for i in range(20_000))
    assert [round(len(parts[name]) / 20_000, 2) for name in SPLITS] == [0.85, 0.1, 0.05]


def test_the_split_of_the_shipped_text_is_fixed() -> None:
    """Models are trained on these splits: a paragraph that moves could be in both training and test text."""
    assert [len(load_text(name)) for name in SPLITS] == [2252, 263, 165]
    test_text = " ".join(load_text("test"))
    assert all(paragraph in test_text for paragraph in load_text("demo"))


@given(WORDS, st.integers(0, 99))
def test_consecutive_prompts_continue_the_text(paragraphs: list[str], seed: int) -> None:
    texts = list(prompts(paragraphs, seed))
    assert " ".join(texts).split() == " ".join(paragraphs).split()
    assert all(4 <= len(text.split()) <= 10 for text in texts[:-1])
    assert all(1 <= len(text.split()) <= 10 for text in texts[-1:])


@given(TEXT, st.integers(0, 99))
def test_prompts_consist_of_keys_and_are_the_same_by_seed(paragraphs: list[str], seed: int) -> None:
    texts = list(prompts(paragraphs, seed))
    assert texts == list(prompts(paragraphs, seed))
    for text in texts:
        assert all(c in LABELS for c in text)
        assert text == " ".join(text.split()) != ""


@given(WORDS, st.integers(0, 99))
def test_unrelated_words_are_those_of_the_text(paragraphs: list[str], seed: int) -> None:
    texts = list(itertools.islice(word_prompts(paragraphs, seed), 40))
    vocabulary = {word.strip(".,") for text in paragraphs for word in text.split()}
    assert len(texts) == (40 if vocabulary else 0)
    assert {word.strip(".,") for text in texts for word in text.split()} <= vocabulary
    assert texts == list(itertools.islice(word_prompts(paragraphs, seed), 40))


def test_prompts_of_unrelated_words_resemble_emg2qwerty() -> None:
    """Four words each, hardly any mark, longer words than running text has."""
    paragraphs = load_text("train")
    texts = list(itertools.islice(word_prompts(paragraphs, 3), 2000))
    assert sum(len(text.split()) == 4 and text == text.lower() for text in texts) > 0.95 * len(texts)
    keys = " ".join(texts)
    assert 0.002 < keys.count(".") / len(keys) < 0.006
    running = " ".join(prompts(paragraphs, 3)).split()
    assert np.mean([len(word) for word in keys.split()]) > np.mean([len(word) for word in running])


def test_digits_alone_make_no_words() -> None:
    assert list(word_prompts(["1984 2001", ""], 0)) == []


def test_a_dash_separates_words() -> None:
    assert " ".join(prompts(["night—and day--or so"], 0)).lower() == "night and day or so"


def test_marks_and_capitals_are_as_rare_as_in_real_prompts() -> None:
    """emg2qwerty: `.` 0.35 % and `,` 0.2 % of the presses, digits and capitals nearly absent."""
    typed = "⏎".join(prompts(load_text("train"), 3))
    share = {kind: 100 * len(re.findall(kind, typed)) / len(typed) for kind in (r"\.", ",", "[0-9]", "[A-Z]", "[a-z]")}
    assert 0.25 < share[r"\."] < 0.45
    assert 0.08 < share[","] < 0.3
    assert share["[0-9]"] < 0.1
    assert 0 < share["[A-Z]"] < 0.2
    assert share["[a-z]"] > 78
