"""The typer against a keyboard and a focus that check their caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from adapters.inject._typer import KeyTyper
from adapters.inject.focus import FocusedWindow
from emgtype.config import load_config
from messages.charset import text_to_labels
from messages.text import Key, TextEvent

SETTINGS = replace(load_config().inject, arm_delay_s=0.0)
SHIFT = 1
EDITOR, MAIL, VAULT = FocusedWindow(7, ("editor",)), FocusedWindow(8, ("mail",)), FocusedWindow(9, ("keepassxc",))


@dataclass
class FakeKeyboard:
    """Types into a text; an upper-case letter is Shift and the lower-case one. Has no key for a tilde."""

    waited: Callable[[], None] = lambda: None
    """Called for each question for the lag."""
    lags: list[float] = field(default_factory=list)
    """Next answers to the question for the lag, in seconds."""
    text: str = ""
    held: list[int] = field(default_factory=list)
    closed: bool = False

    def find(self, character: str) -> tuple[int, ...] | None:
        if character == "~":
            return None
        return (SHIFT, ord(character.lower())) if character.isupper() else (ord(character),)

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        assert not self.closed
        for code, down in events:
            assert down != (code in self.held), "pressed or released twice"
            if not down:
                self.held.remove(code)
                continue
            self.held.append(code)
            if code != SHIFT:
                assert len(self.held) - (SHIFT in self.held) == 1
                character = chr(code).upper() if SHIFT in self.held else chr(code)
                self.text = self.text[:-1] if character == "\b" else self.text + character

    def lag(self) -> float | None:
        assert not self.held
        self.waited()
        return self.lags.pop(0) if self.lags else 0.001

    def close(self) -> None:
        assert not self.held
        self.closed = True


@dataclass
class FakeFocus:
    at: FocusedWindow | None = EDITOR
    reason: str | None = None
    others_typed: bool = False

    def window(self) -> FocusedWindow | None:
        return self.at

    def hindrance(self) -> str | None:
        return self.reason

    def foreign_input(self) -> bool:
        typed, self.others_typed = self.others_typed, False
        return typed

    def close(self) -> None:
        pass


class Desk:
    """A typer at a fake keyboard, and a clock that its pauses move."""

    def __init__(self, focus: FakeFocus | None = None, **rules: object) -> None:
        self.clock = 0.0
        self.notices: list[str] = []
        self.focus = focus or FakeFocus()
        self.keyboard = FakeKeyboard()
        self.typer = KeyTyper(
            replace(SETTINGS, **rules),  # type: ignore[arg-type]
            self.keyboard,
            self.focus,
            self.notices.append,
            lambda: self.clock,
        )
        self.seq = 0

    def push(self, keys: str, tail: int = 0) -> None:
        inserted = tuple(Key(label, self.seq + 1.0, 1.0) for label in text_to_labels(keys))
        self.typer.push(TextEvent(0, inserted, tail, self.seq + 1.0, self.seq))
        self.seq += 1

    def run(self, seconds: float = 60.0) -> str:
        end = self.clock + seconds
        while self.clock < end and (wait := self.typer.step()) is not None:
            self.clock += max(wait, 1e-6)
            if self.typer.state()["armed"] and not self.typer.waiting:
                break
        return self.keyboard.text

    def pass_time(self, seconds: float) -> None:
        self.clock += seconds

    def armed(self) -> "Desk":
        self.typer.arm()
        self.typer.step()
        return self


def test_keys_decoded_before_arming_are_never_typed() -> None:
    desk = Desk()
    desk.push("secret")
    assert desk.run() == ""
    desk.armed().push("Now")
    assert desk.run() == "Now"


def test_arming_waits_for_its_delay_and_takes_the_window_focused_then() -> None:
    desk = Desk()
    desk.typer.arm(3.0)
    desk.run(2.9)
    assert not desk.typer.state()["armed"]
    desk.focus.at = MAIL
    desk.run(0.2)
    assert desk.typer.state()["armed"]
    desk.push("here")
    assert desk.run() == "here"


@pytest.mark.parametrize(
    ("place", "why"), [(None, "no window has the focus"), (VAULT, "'keepassxc' is one of the forb")]
)
def test_arming_without_a_window_or_for_a_forbidden_one_is_refused(place: FocusedWindow | None, why: str) -> None:
    desk = Desk(FakeFocus(place)).armed()
    assert why in desk.notices[-1]
    desk.push("password")
    assert desk.run() == ""


def test_a_moved_focus_drops_waiting_keys_and_disarms() -> None:
    desk = Desk().armed()
    desk.push("to the editor")
    desk.run(0.05)
    begun = desk.keyboard.text
    assert begun
    desk.focus.at = MAIL
    assert desk.run() == begun
    assert "the focus has moved" in desk.notices[-1]
    assert f"{13 - len(begun)} keys" in desk.notices[-1]
    desk.focus.at = EDITOR
    desk.push("x")
    assert desk.run() == begun
    desk.armed().push("\by")
    # Text typed before arming again is no longer our own.
    assert desk.run() == begun + "y"


def test_the_focus_is_watched_while_nothing_is_typed() -> None:
    desk = Desk().armed()
    assert desk.typer.step() is not None
    desk.focus.at = None
    assert desk.typer.step() is None
    assert not desk.typer.armed


def test_a_held_modifier_delays_typing_and_in_the_end_disarms() -> None:
    desk = Desk().armed()
    desk.focus.reason = "a modifier key is held"
    desk.push("ab")
    assert desk.run(2.0) == ""
    desk.focus.reason = None
    assert desk.run() == "ab"
    desk.focus.reason = "Caps Lock is on"
    desk.push("cd")
    assert desk.run() == "ab"
    assert "Caps Lock is on" in desk.notices[-1]
    assert not desk.typer.armed


def test_no_backspace_removes_text_before_somebody_elses_keys() -> None:
    desk = Desk().armed()
    desk.push("ours")
    desk.run()
    desk.keyboard.text += "theirs"
    desk.focus.others_typed = True
    desk.push("\b\b\b!")
    assert desk.run() == "ourstheirs!"


def test_undo_takes_back_own_text_alone() -> None:
    desk = Desk()
    desk.keyboard.text = "before "
    desk.armed().push("ours")
    desk.run()
    desk.typer.undo()
    assert desk.run() == "before "
    desk.typer.undo()
    assert desk.run() == "before "
    assert desk.notices[-1] == "there is no typed text to take back"


def test_changed_settings_disarm_and_hold_once_armed_again() -> None:
    desk = Desk(enter=False).armed()
    desk.push("a⏎b")
    assert desk.run() == "ab"
    desk.typer.change(replace(SETTINGS, enter=True))
    desk.push("lost⏎")
    assert desk.run() == "ab"
    assert "disarmed: the settings have changed" in desk.notices
    desk.armed().push("c⏎")
    assert desk.run() == "abc\n"


def test_a_character_without_a_key_is_reported_once_without_naming_it() -> None:
    desk = Desk().armed()
    desk.push("a~b")
    desk.push("~c")
    assert desk.run() == "abc"
    assert [notice for notice in desk.notices if "layout" in notice] == [
        "a character that this keyboard layout cannot make was left out"
    ]
    assert desk.typer.state()["dropped"] == {"layout": 2}


def test_a_lost_edit_disarms_with_a_notice() -> None:
    desk = Desk().armed()
    desk.push("a")
    desk.seq += 1
    desk.push("b")
    assert desk.run() == ""
    assert "event 2 came where 1 was expected: nothing is typed until it is armed again" in desk.notices


def test_a_stuck_window_gets_one_key_and_then_typing_stops() -> None:
    desk = Desk().armed()
    desk.keyboard.lags = [1.2] * 100
    desk.keyboard.waited = lambda: desk.pass_time(0.2)
    desk.push("abc")
    assert desk.run() == "a"
    assert "the window takes no keys any more; 2 keys" in desk.notices[-1]
