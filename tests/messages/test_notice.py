"""Notices: data that is compared by its matter, and one sentence for each code."""

from typing import get_args

import pytest

from messages.notice import _SENTENCES, Code, Notice, sentence


def test_every_code_has_a_sentence() -> None:
    assert {*_SENTENCES} == {*get_args(Code)}


def test_a_sentence_about_a_source_says_what_to_do() -> None:
    about_sources = get_args(Code)[: get_args(Code).index("other-clock") + 1]
    assert len(about_sources) == 8
    assert all(": " in _SENTENCES[code] for code in about_sources)


def test_a_sentence_holds_the_subject_and_the_values() -> None:
    notice = Notice("other-clock", "left", {"behind": 3.04})
    assert sentence(notice).startswith("the time stamps of stream 'left' are 3.0 s behind this machine's LSL clock: ")


def test_notices_of_one_matter_may_differ_in_their_values() -> None:
    one, later = Notice("other-clock", "left", {"behind": 3.0}), Notice("other-clock", "left", {"behind": 3.1})
    assert one != later
    assert one.matter == later.matter
    assert one.matter != Notice("other-clock", "right", {"behind": 3.0}).matter
    assert len({one, later}) == 2


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="behind"):
        sentence(Notice("other-clock", "left"))
