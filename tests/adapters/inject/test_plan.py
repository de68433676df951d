"""Edits of the key sequence to keys pressed: what a window that was not empty shows afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inject._plan import OWN, RUBOUT, WAITING, KeyPlan
from adapters.inject.settings import KeySettings
from emgtype.config import load_config
from messages.charset import LABELS, text_to_labels
from messages.text import Key, TextEvent, edit, render

BEFORE = "it was here\n"
SETTINGS = load_config().inject


class Window:
    """A window that shows what it is sent, behind what stood there."""

    def __init__(self, settings: KeySettings = SETTINGS, *, armed: bool = True) -> None:
        self.text = BEFORE
        self.pressed = ""
        self.plan = KeyPlan(settings)
        if armed:
            self.plan.arm()

    def press(self, most: int = 10_000) -> "Window":
        while most and (character := self.plan.next()) is not None:
            self.text = self.text[:-1] if character == RUBOUT else self.text + character
            self.pressed += character
            self.plan.done()
            most -= 1
        return self

    def own(self) -> str:
        assert self.text.startswith(BEFORE)
        return self.text.removeprefix(BEFORE)


class Decoder:
    """Makes the events of a run, as the committer does."""

    def __init__(self) -> None:
        self.tail: list[int] = []
        self.seq = 0
        self.now = 0.0

    def event(self, final: str, tail: str = "", after: float = 0.1) -> TextEvent:
        """`final` keys follow the final ones, and `tail` is what is shown behind them."""
        self.now += after
        end, labels = text_to_labels(tail), text_to_labels(final + tail)
        erase, inserted = edit(self.tail, labels)
        keys = tuple(Key(label, self.now, 1.0) for label in inserted)
        self.tail, self.seq = end, self.seq + 1
        return TextEvent(erase, keys, len(end), self.now, self.seq - 1)


def wanted(settings: KeySettings, keys: str) -> str:
    """What these final keys make, behind what stood there."""
    lines = [render(text_to_labels(line)) for line in keys.split("\n")]
    if settings.backspace == "any":
        text = list(BEFORE)
        for character in keys:
            if character == "\b":
                del text[-1:]
            elif character != "⇧" and (character != "\n" or settings.enter):
                text.append(character)
        return "".join(text)
    if settings.enter:
        return BEFORE + "\n".join(lines)
    return BEFORE + render(text_to_labels(keys)).replace("\n", "")


LETTERS = st.text("abC", max_size=4)
TEXTS: tuple[Literal["final", "live"], ...] = ("final", "live")
BACKSPACES: tuple[Literal["own", "any"], ...] = ("own", "any")
STEPS = st.lists(st.tuples(st.text("abC ⇧\b\n", max_size=4), LETTERS, st.integers(0, 6)), max_size=12)


@given(STEPS, st.sampled_from(TEXTS), st.sampled_from(BACKSPACES), st.booleans())
def test_the_window_shows_the_final_text_whenever_its_keys_are_pressed(
    steps: Sequence[tuple[str, str, int]], text: Literal["final", "live"], backspace: Literal["own", "any"], enter: bool
) -> None:
    if backspace == "any" and not enter:
        steps = [(final.replace("\n", ""), tail, pressed) for final, tail, pressed in steps]
    settings = replace(SETTINGS, text=text, backspace=backspace, enter=enter)
    window, decoder = Window(settings), Decoder()
    for final, tail, pressed in steps:
        window.plan.push(decoder.event(final, tail))
        window.press(pressed)
        if backspace == "own":
            assert window.text.startswith(BEFORE)
    window.plan.push(decoder.event(""))
    window.press()
    assert window.text == wanted(settings, "".join(final for final, _, _ in steps))
    assert window.plan.waiting == 0


@given(STEPS)
def test_final_text_needs_no_backspace_that_nobody_typed(steps: Sequence[tuple[str, str, int]]) -> None:
    window, decoder = Window(), Decoder()
    for final, tail, pressed in steps:
        window.plan.push(decoder.event(final.replace("\b", ""), tail))
        window.press(pressed)
    assert RUBOUT not in window.press().pressed


@given(STEPS, st.data())
def test_an_event_told_twice_is_typed_once(steps: Sequence[tuple[str, str, int]], data: st.DataObject) -> None:
    once, twice, decoder = Window(), Window(), Decoder()
    told: list[TextEvent] = []
    for final, tail, _ in steps:
        told.append(decoder.event(final, tail))
        for window in (once, twice):
            window.plan.push(told[-1])
            window.press()
        twice.plan.push(data.draw(st.sampled_from(told)))
        twice.press()
    assert twice.text == once.text
    assert twice.plan.dropped["repeated"] == len(steps)


def test_what_is_taken_back_before_its_turn_is_never_typed() -> None:
    window, decoder = Window(), Decoder()
    window.plan.push(decoder.event("cz\bat"))
    assert window.press().pressed == "cat"
    live = Window(replace(SETTINGS, text="live"))
    live.plan.push(Decoder().event("", "hallo"))
    live.press(3)
    assert (live.pressed, live.plan.waiting) == ("hal", 2)


def test_the_live_text_is_corrected_by_the_fewest_backspaces() -> None:
    window, decoder = Window(replace(SETTINGS, text="live")), Decoder()
    window.plan.push(decoder.event("", "hallo"))
    window.press()
    window.plan.push(decoder.event("hell", "o"))
    assert window.press().pressed == "hallo" + 4 * RUBOUT + "ello"


def test_upper_case_comes_from_the_character_alone() -> None:
    window = Window()
    window.plan.push(Decoder().event("⇧Ab⇧C"))
    assert window.press().pressed == "AbC"


@pytest.mark.parametrize(
    ("rules", "keys", "shown", "dropped"),
    [
        ({}, "ab\nc\n", "abc", {"enter": 2}),
        ({}, "ab\n\bc", "abc", {"enter": 1}),  # the ⌫ takes back the ⏎ that was left out, not the b
        ({"enter": True}, "ab\n\b\bc", "ab\nc", {"backspace": 2}),
        ({}, "\b\b\ba", "a", {"backspace": 3}),
        ({"backspace": "off"}, "ab\bc", "abc", {"backspace": 1}),
    ],
)
def test_what_may_not_be_pressed_is_dropped_and_counted(
    rules: dict[str, object], keys: str, shown: str, dropped: dict[str, int]
) -> None:
    window, decoder = Window(replace(SETTINGS, **rules)), Decoder()  # type: ignore[arg-type]
    for key in keys:
        window.plan.push(decoder.event(key))
        window.press()
    assert window.own() == shown
    assert dict(window.plan.dropped) == dropped


def test_what_came_while_it_was_not_armed_is_never_typed_also_if_it_becomes_final_later() -> None:
    window, decoder = Window(armed=False), Decoder()
    window.plan.push(decoder.event("secret ", "wor"))
    window.plan.arm()
    window.plan.push(decoder.event("word", " no"))
    window.press()
    window.plan.push(decoder.event(" now\b\b"))
    assert window.press().own() == "d n"  # the d was heard when it was armed
    window.plan.disarm()
    window.plan.push(decoder.event("more\b\b\b\b\b\b\b\b\b"))
    assert (window.press().own(), window.plan.waiting) == ("d n", 0)
    window.plan.arm()
    window.plan.push(decoder.event("\b\b\b!"))
    assert window.press().own() == "d n!"  # typed before it was armed again: not ours any more


def test_lost_edits_stop_it_and_it_can_be_armed_again_in_the_middle() -> None:
    window, decoder = Window(replace(SETTINGS, text="live")), Decoder()
    window.plan.push(decoder.event("a", "bc"))
    decoder.event("bc", "d")
    with pytest.raises(ValueError, match="event 2 came where 1 was expected"):
        window.plan.push(decoder.event("", "de"))
    assert not window.plan.armed
    window.plan.arm()
    window.plan.push(decoder.event("dx", "yz"))
    window.plan.push(decoder.event("yz"))
    assert window.press().own() == "xyz"


def test_it_can_join_while_a_tail_is_shown_that_it_never_heard_of() -> None:
    window, decoder = Window(), Decoder()
    decoder.event("abc", "def")
    window.plan.push(decoder.event("dex", "g"))
    window.plan.push(decoder.event("gh"))
    assert window.press().own() == "xgh"


def test_undo_takes_back_what_followed_the_last_breath_and_no_more() -> None:
    window, decoder = Window(), Decoder()
    for event in (decoder.event("one "), decoder.event("two", after=1.5), decoder.event("3", "4", after=0.5)):
        window.plan.push(event)
        window.press()
    assert window.plan.undo() == 4
    window.plan.push(decoder.event("4"))  # heard before the undo
    assert window.press().own() == "one "
    assert window.plan.undo() == 4
    assert window.press().own() == ""
    assert window.plan.undo() == 0
    assert window.press().text == BEFORE
    window.plan.push(decoder.event("new"))
    assert window.press().own() == "new"


def test_undo_stops_at_enter_and_drops_what_was_not_typed_yet() -> None:
    window, decoder = Window(replace(SETTINGS, enter=True)), Decoder()
    window.plan.push(decoder.event("one\ntwo"))
    window.press(5)
    assert window.plan.undo() == 3
    assert window.press().own() == "one\n"


@given(st.text("abC", min_size=1, max_size=8), st.integers(0, 8), st.sampled_from(TEXTS))
def test_nothing_before_a_foreign_hand_is_taken_back(keys: str, pressed: int, text: Literal["final", "live"]) -> None:
    window, decoder = Window(replace(SETTINGS, text=text)), Decoder()
    window.plan.push(decoder.event(keys[:3], keys[3:]))
    window.press(pressed)
    window.text += "<click>"
    stood = window.text
    window.plan.seal()
    window.press()
    window.plan.push(decoder.event(keys[3:] + 9 * "\b"))
    assert window.press().text.startswith(stood)
    window.plan.undo()
    assert window.press().text == stood
    window.plan.push(decoder.event("z"))
    assert window.press().text == stood + "z"


def test_what_the_layout_lacks_is_left_out_and_taken_back_without_a_key() -> None:
    window, decoder = Window(), Decoder()

    def type_without_b() -> str:
        while (character := window.plan.next()) is not None:
            if character == "b":
                window.plan.cannot()
            else:
                window.press(1)
        return window.own()

    window.plan.push(decoder.event("abcb"))
    assert type_without_b() == "ac"
    window.plan.push(decoder.event("\b\bd"))
    assert type_without_b() == "ad"
    assert window.plan.dropped["layout"] == 2


def characters(decoder: Decoder, count: int) -> Iterator[TextEvent]:
    yield from (decoder.event("ab"[number % 2]) for number in range(count))


def test_own_text_is_bounded_and_what_stays_of_it_is_still_right() -> None:
    window, decoder = Window(), Decoder()
    for event in characters(decoder, 5 * OWN):
        window.plan.push(event)
        window.press()
    window.plan.push(decoder.event(9 * OWN * "\b"))
    kept = len(window.press().own())
    assert 5 * OWN - 2 * OWN <= kept <= 5 * OWN - OWN
    assert window.own() == "ab" * (kept // 2) + "a" * (kept % 2)


def test_more_than_can_wait_stops_it() -> None:
    window, decoder = Window(), Decoder()
    with pytest.raises(ValueError, match="wait to be typed"):
        window.plan.push(decoder.event("a" * (WAITING + 1)))
    assert not window.plan.armed
    assert window.press().own() == ""


def test_every_label_but_shift_backspace_and_enter_is_typed_as_itself() -> None:
    window, keys = Window(), [key for key in LABELS if key not in "⇧⌫⏎"]
    window.plan.push(Decoder().event("".join(keys)))
    assert window.press().own() == "".join(keys)
