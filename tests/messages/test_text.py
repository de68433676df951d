import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.charset import text_to_labels
from messages.text import EditableSequence, Key, KeySequence, TextEvent, edit, render, type_key


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("hello", "hello"),
        ("cz⌫at", "cat"),
        ("⌫⌫a", "a"),
        ("⇧Hi⇧", "Hi"),
        ("ab⇧⌫", "a"),
        ("a⏎b", "a\nb"),
        ("a⏎⌫b", "ab"),
        ("", ""),
    ],
)
def test_keys_make_text(keys: str, text: str) -> None:
    assert render(text_to_labels(keys)) == text


@given(before=st.lists(st.integers(0, 2)), after=st.lists(st.integers(0, 2)))
def test_an_edit_is_the_smallest_that_works(before: list[int], after: list[int]) -> None:
    erase, insert = edit(before, after)
    kept = len(before) - erase
    assert [*before[:kept], *insert] == after
    # one key less taken back would leave a key that does not belong there
    assert not erase or before[: kept + 1] != after[: kept + 1]


def event(seq: int, erase: int, insert: str, tail: int) -> TextEvent:
    return TextEvent(erase, tuple(Key(label, 0.0, 1.0) for label in text_to_labels(insert)), tail, 0.0, seq)


def shown(keys: KeySequence) -> tuple[str, str]:
    return render(k.label for k in keys.final), render(k.label for k in keys.tail)


def test_events_add_up() -> None:
    keys = KeySequence()
    steps = [
        (event(0, 0, "tzh", 3), "", ("", "tzh")),
        (event(1, 2, "he", 2), "t", ("t", "he")),
        (event(2, 0, "", 1), "h", ("th", "e")),
        (event(3, 1, "en", 0), "en", ("then", "")),
    ]
    for step, finished, state in steps:
        assert render(key.label for key in keys.push(step)) == finished
        assert shown(keys) == state


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (event(2, 0, "x", 0), "event 2 came where 1 was expected"),
        (event(0, 0, "x", 0), "event 0 came where 1 was expected"),
        (event(1, 2, "x", 1), "erases 2 keys and leaves a tail of 1, but only 1 keys could still change"),
        (event(1, 0, "", 2), "leaves a tail of 2"),
        (event(1, -1, "", 1), "erases -1"),
    ],
)
def test_an_event_that_touches_final_keys_or_skips_a_number_is_refused(wrong: TextEvent, sentence: str) -> None:
    keys = KeySequence()
    keys.push(event(0, 0, "ab", 1))
    with pytest.raises(ValueError, match=sentence):
        keys.push(wrong)
    assert shown(keys) == ("a", "b")
    keys.push(event(1, 1, "c", 0))
    assert shown(keys) == ("ac", "")


def test_memory_can_be_bounded() -> None:
    keys = KeySequence(keep=3)
    finished = ""
    for number, letter in enumerate("abcdefgh"):
        finished += render(key.label for key in keys.push(event(number, 0, letter, 2 if number else 1)))
    assert finished == "abcdef"
    assert shown(keys) == ("def", "gh")


def test_an_edit_that_does_not_fit_is_applied_as_far_as_possible() -> None:
    items = EditableSequence[str]()
    assert items.apply(0, "abc", 2) == ("a",)
    assert items.apply(9, "d", 0) == ("d",)
    assert (items.final, items.tail) == (("a", "d"), ())
    assert items.apply(0, "e", 5) == ()
    assert (items.final, items.tail) == (("a", "d"), ("e",))


def test_a_typed_backspace_removes_the_last_item_down_to_the_floor() -> None:
    text = ["a", "b"]
    backspace, shift, c = text_to_labels("⌫⇧c")
    assert type_key(text, c, "c", floor=2)
    assert type_key(text, shift, "⇧", floor=2)
    assert text == ["a", "b", "c"]
    assert type_key(text, backspace, "⌫", floor=2)
    assert not type_key(text, backspace, "⌫", floor=2)
    assert text == ["a", "b"]
