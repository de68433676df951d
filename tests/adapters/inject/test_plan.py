"""Edits of the key sequence to pressed keys, and the text of a window that was not empty."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inject._plan import OWN, RUBOUT, WAITING, KeyPlan
from adapters.inject.settings import InjectSettings
from emgtype.config import load_config
from messages.charset import LABELS, text_to_labels
from messages.text import Key, TextEvent, edit, render

BEFORE = "it was here\n"
SETTINGS = load_config().inject


class FakeWindow:
    """A window with some text, to which every pressed key is applied."""

    def __init__(self, settings: InjectSettings = SETTINGS, *, armed: bool = True) -> None:
        self.text = BEFORE
        self.pressed = ""
        self.plan = KeyPlan(settings)
        if armed:
            self.plan.arm()

    def press(self, most: int = 10_000) -> "FakeWindow":
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
    """Makes the events of a run, as the commit rule does."""

    def __init__(self) -> None:
        self.tail: list[int] = []
        self.seq = 0
        self.now = 0.0

    def event(self, final: str, tail: str = "", after: float = 0.1) -> TextEvent:
        """The next event: `final` keys become final, and `tail` may still change."""
        self.now += after
        end, labels = text_to_labels(tail), text_to_labels(final + tail)
        erase, inserted = edit(self.tail, labels)
        keys = tuple(Key(label, self.now, 1.0) for label in inserted)
        self.tail, self.seq = end, self.seq + 1
        return TextEvent(erase, keys, len(end), self.now, self.seq - 1)


def expected_text(settings: InjectSettings, keys: str) -> str:
    """Text of the window after these final keys."""
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
def test_the_window_shows_the_final_text_however_late_its_keys_are_pressed(
    steps: Sequence[tuple[str, str, int]], text: Literal["final", "live"], backspace: Literal["own", "any"], enter: bool
) -> None:
    if backspace == "any" and not enter:
        steps = [(final.replace("\n", ""), tail, pressed) for final, tail, pressed in steps]
    settings = replace(SETTINGS, text=text, backspace=backspace, enter=enter)
    window, decoder = FakeWindow(settings), Decoder()
    for final, tail, pressed in steps:
        window.plan.push(decoder.event(final, tail))
        window.press(pressed)
        if backspace == "own":
            assert window.text.startswith(BEFORE)
    window.plan.push(decoder.event(""))
    window.press()
    assert window.text == expected_text(settings, "".join(final for final, _, _ in steps))
    assert window.plan.waiting == 0


@given(STEPS)
def test_final_text_alone_needs_no_backspace(steps: Sequence[tuple[str, str, int]]) -> None:
    window, decoder = FakeWindow(), Decoder()
    for final, tail, pressed in steps:
        window.plan.push(decoder.event(final.replace("\b", ""), tail))
        window.press(pressed)
    assert RUBOUT not in window.press().pressed


@given(STEPS, st.data())
def test_a_repeated_event_is_typed_once(steps: Sequence[tuple[str, str, int]], data: st.DataObject) -> None:
    once, twice, decoder = FakeWindow(), FakeWindow(), Decoder()
    events: list[TextEvent] = []
    for final, tail, _ in steps:
        events.append(decoder.event(final, tail))
        for window in (once, twice):
            window.plan.push(events[-1])
            window.press()
        twice.plan.push(data.draw(st.sampled_from(events)))
        twice.press()
    assert twice.text == once.text
    assert twice.plan.dropped["repeated"] == len(steps)


def test_text_taken_back_before_its_turn_is_never_typed() -> None:
    window, decoder = FakeWindow(), Decoder()
    window.plan.push(decoder.event("cz\bat"))
    assert window.press().pressed == "cat"
    live = FakeWindow(replace(SETTINGS, text="live"))
    live.plan.push(Decoder().event("", "hallo"))
    live.press(3)
    assert (live.pressed, live.plan.waiting) == ("hal", 2)


def test_the_live_text_is_corrected_by_the_fewest_backspaces() -> None:
    window, decoder = FakeWindow(replace(SETTINGS, text="live")), Decoder()
    window.plan.push(decoder.event("", "hallo"))
    window.press()
    window.plan.push(decoder.event("hell", "o"))
    assert window.press().pressed == "hallo" + 4 * RUBOUT + "ello"


def test_upper_case_comes_from_the_character_alone() -> None:
    window = FakeWindow()
    window.plan.push(Decoder().event("⇧Ab⇧C"))
    assert window.press().pressed == "AbC"


@pytest.mark.parametrize(
    ("rules", "keys", "shown", "dropped"),
    [
        ({}, "ab\nc\n", "abc", {"enter": 2}),
        # The ⌫ takes back the ⏎ that was left out, not the b.
        ({}, "ab\n\bc", "abc", {"enter": 1}),
        ({"enter": True}, "ab\n\b\bc", "ab\nc", {"backspace": 2}),
        ({}, "\b\b\ba", "a", {"backspace": 3}),
        ({"backspace": "off"}, "ab\bc", "abc", {"backspace": 1}),
    ],
)
def test_forbidden_keys_are_dropped_and_counted(
    rules: dict[str, object], keys: str, shown: str, dropped: dict[str, int]
) -> None:
    window, decoder = FakeWindow(replace(SETTINGS, **rules)), Decoder()  # type: ignore[arg-type]
    for key in keys:
        window.plan.push(decoder.event(key))
        window.press()
    assert window.own() == shown
    assert dict(window.plan.dropped) == dropped


def test_keys_decoded_while_disarmed_are_never_typed_even_if_they_become_final_later() -> None:
    window, decoder = FakeWindow(armed=False), Decoder()
    window.plan.push(decoder.event("secret ", "wor"))
    window.plan.arm()
    window.plan.push(decoder.event("word", " no"))
    window.press()
    window.plan.push(decoder.event(" now\b\b"))
    # The d was decoded while armed.
    assert window.press().own() == "d n"
    window.plan.disarm()
    window.plan.push(decoder.event("more\b\b\b\b\b\b\b\b\b"))
    assert (window.press().own(), window.plan.waiting) == ("d n", 0)
    window.plan.arm()
    window.plan.push(decoder.event("\b\b\b!"))
    # Text typed before arming again is no longer our own.
    assert window.press().own() == "d n!"


def test_lost_edits_disarm_and_a_run_can_be_joined_in_the_middle() -> None:
    window, decoder = FakeWindow(replace(SETTINGS, text="live")), Decoder()
    window.plan.push(decoder.event("a", "bc"))
    decoder.event("bc", "d")
    with pytest.raises(ValueError, match="event 2 came where 1 was expected"):
        window.plan.push(decoder.event("", "de"))
    assert not window.plan.armed
    window.plan.arm()
    window.plan.push(decoder.event("dx", "yz"))
    window.plan.push(decoder.event("yz"))
    assert window.press().own() == "xyz"


def test_a_run_can_be_joined_while_it_shows_an_unknown_tail() -> None:
    window, decoder = FakeWindow(), Decoder()
    decoder.event("abc", "def")
    window.plan.push(decoder.event("dex", "g"))
    window.plan.push(decoder.event("gh"))
    assert window.press().own() == "xgh"


def test_undo_takes_back_the_text_since_the_last_breath() -> None:
    window, decoder = FakeWindow(), Decoder()
    for event in (decoder.event("one "), decoder.event("two", after=1.5), decoder.event("3", "4", after=0.5)):
        window.plan.push(event)
        window.press()
    assert window.plan.undo() == 4
    # This key was decoded before the undo.
    window.plan.push(decoder.event("4"))
    assert window.press().own() == "one "
    assert window.plan.undo() == 4
    assert window.press().own() == ""
    assert window.plan.undo() == 0
    assert window.press().text == BEFORE
    window.plan.push(decoder.event("new"))
    assert window.press().own() == "new"


def test_undo_stops_at_enter_and_drops_waiting_keys() -> None:
    window, decoder = FakeWindow(replace(SETTINGS, enter=True)), Decoder()
    window.plan.push(decoder.event("one\ntwo"))
    window.press(5)
    assert window.plan.undo() == 3
    assert window.press().own() == "one\n"


@given(st.text("abC", min_size=1, max_size=8), st.integers(0, 8), st.sampled_from(TEXTS))
def test_text_before_somebody_elses_click_stays(keys: str, pressed: int, text: Literal["final", "live"]) -> None:
    window, decoder = FakeWindow(replace(SETTINGS, text=text)), Decoder()
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


def test_a_character_that_the_layout_lacks_is_left_out_and_taken_back_without_a_key() -> None:
    window, decoder = FakeWindow(), Decoder()

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


def test_own_text_is_bounded_and_its_rest_is_still_right() -> None:
    window, decoder = FakeWindow(), Decoder()
    for event in characters(decoder, 5 * OWN):
        window.plan.push(event)
        window.press()
    window.plan.push(decoder.event(9 * OWN * "\b"))
    kept = len(window.press().own())
    assert 5 * OWN - 2 * OWN <= kept <= 5 * OWN - OWN
    assert window.own() == "ab" * (kept // 2) + "a" * (kept % 2)


def test_too_many_waiting_keys_disarm() -> None:
    window, decoder = FakeWindow(), Decoder()
    with pytest.raises(ValueError, match="wait to be typed"):
        window.plan.push(decoder.event("a" * (WAITING + 1)))
    assert not window.plan.armed
    assert window.press().own() == ""


def test_every_label_but_shift_backspace_and_enter_is_typed_as_itself() -> None:
    window, keys = FakeWindow(), [key for key in LABELS if key not in "⇧⌫⏎"]
    window.plan.push(Decoder().event("".join(keys)))
    assert window.press().own() == "".join(keys)
