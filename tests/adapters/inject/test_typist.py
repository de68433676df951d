"""The typist against a keyboard and a focus that check their caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inject._device import Hands
from adapters.inject._pace import QUICK, SLOWEST, Pace
from adapters.inject._typist import Typist
from adapters.inject.focus import Place
from emgtype.config import load_config
from messages.charset import text_to_labels
from messages.text import Key, TextEvent

SETTINGS = replace(load_config().inject, arm_delay_s=0.0)
SHIFT = 1
EDITOR, MAIL, VAULT = Place(7, ("editor",)), Place(8, ("mail",)), Place(9, ("keepassxc",))


@dataclass
class FakeKeyboard:
    """Types into a text; an upper-case letter is Shift and the lower-case one. Has no key for a tilde."""

    waited: Callable[[], None] = lambda: None
    """Called back for each look at how the window fares."""
    fails: int = 1_000_000
    """Presses before one that fails."""
    lags: list[float] = field(default_factory=list)
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
            # Of a press that failed nobody knows how far it came: its keys may be released without being held.
            assert down != (code in self.held) or (not down and self.fails < -1), "pressed or released twice"
            if down:
                self.held.append(code)
                self.fails -= 1
                if self.fails == -1:
                    self.fails -= 1
                    raise OSError("the device has gone")
            elif code in self.held:
                self.held.remove(code)
            if down and code != SHIFT:
                assert len(self.held) - (SHIFT in self.held) == 1
                character = chr(code).upper() if SHIFT in self.held else chr(code)
                self.text = self.text[:-1] if character == "\b" else self.text + character

    def settle(self) -> float | None:
        assert not self.held
        self.waited()
        return self.lags.pop(0) if self.lags else 0.001

    def close(self) -> None:
        assert not self.held
        self.closed = True


@dataclass
class FakeFocus:
    at: Place | None = EDITOR
    hindered: str | None = None
    others: bool = False

    def place(self) -> Place | None:
        return self.at

    def hindrance(self) -> str | None:
        return self.hindered

    def foreign(self) -> bool:
        pressed, self.others = self.others, False
        return pressed

    def close(self) -> None:
        pass


class Desk:
    """A typist at a fake keyboard, and a clock that its pauses move."""

    def __init__(self, focus: FakeFocus | None = None, **rules: object) -> None:
        self.clock = 0.0
        self.said: list[str] = []
        self.focus = focus or FakeFocus()
        self.keyboard = FakeKeyboard()
        self.typist = Typist(
            replace(SETTINGS, **rules),  # type: ignore[arg-type]
            self.keyboard,
            self.focus,
            self.said.append,
            lambda: self.clock,
        )
        self.seq = 0

    def push(self, keys: str, tail: int = 0) -> None:
        inserted = tuple(Key(label, self.seq + 1.0, 1.0) for label in text_to_labels(keys))
        self.typist.push(TextEvent(0, inserted, tail, self.seq + 1.0, self.seq))
        self.seq += 1

    def run(self, seconds: float = 60.0) -> str:
        end = self.clock + seconds
        while self.clock < end and (wait := self.typist.step()) is not None:
            self.clock += max(wait, 1e-6)
            if self.typist.state()["armed"] and not self.typist.waiting:
                break
        return self.keyboard.text

    def run_clock(self, seconds: float) -> None:
        self.clock += seconds

    def armed(self) -> "Desk":
        self.typist.arm()
        self.typist.step()
        return self


def test_nothing_is_typed_before_it_is_armed_nor_kept_for_then() -> None:
    desk = Desk()
    desk.push("secret")
    assert desk.run() == ""
    desk.armed().push("Now")
    assert desk.run() == "Now"


def test_arming_waits_for_its_delay_and_takes_the_window_that_has_the_focus_then() -> None:
    desk = Desk()
    desk.typist.arm(3.0)
    desk.run(2.9)
    assert not desk.typist.state()["armed"]
    desk.focus.at = MAIL
    desk.run(0.2)
    assert desk.typist.state()["armed"]
    desk.push("here")
    assert desk.run() == "here"


@pytest.mark.parametrize(
    ("place", "why"), [(None, "no window has the focus"), (VAULT, "'keepassxc' is one of the forb")]
)
def test_it_is_not_armed_for_no_window_or_a_forbidden_one(place: Place | None, why: str) -> None:
    desk = Desk(FakeFocus(place)).armed()
    assert why in desk.said[-1]
    desk.push("password")
    assert desk.run() == ""


def test_a_moved_focus_drops_what_waits_until_it_is_armed_again() -> None:
    desk = Desk().armed()
    desk.push("to the editor")
    desk.run(0.05)
    begun = desk.keyboard.text
    assert begun
    desk.focus.at = MAIL
    assert desk.run() == begun
    assert "the focus has moved" in desk.said[-1]
    assert f"{13 - len(begun)} keys" in desk.said[-1]
    desk.focus.at = EDITOR
    desk.push("x")
    assert desk.run() == begun
    desk.armed().push("\by")
    assert desk.run() == begun + "y"  # what was typed before is not ours any more


def test_the_focus_is_watched_while_nothing_is_typed() -> None:
    desk = Desk().armed()
    assert desk.typist.step() is not None
    desk.focus.at = None
    assert desk.typist.step() is None
    assert not desk.typist.armed


def test_a_held_modifier_is_waited_for_and_not_for_ever() -> None:
    desk = Desk().armed()
    desk.focus.hindered = "a modifier key is held"
    desk.push("ab")
    assert desk.run(2.0) == ""
    desk.focus.hindered = None
    assert desk.run() == "ab"
    desk.focus.hindered = "Caps Lock is on"
    desk.push("cd")
    assert desk.run() == "ab"
    assert "Caps Lock is on" in desk.said[-1]
    assert not desk.typist.armed


def test_behind_somebody_elses_keys_nothing_is_taken_back() -> None:
    desk = Desk().armed()
    desk.push("ours")
    desk.run()
    desk.keyboard.text += "theirs"
    desk.focus.others = True
    desk.push("\b\b\b!")
    assert desk.run() == "ourstheirs!"


def test_undo_takes_back_own_text_alone() -> None:
    desk = Desk()
    desk.keyboard.text = "before "
    desk.armed().push("ours")
    desk.run()
    desk.typist.undo()
    assert desk.run() == "before "
    desk.typist.undo()
    assert desk.run() == "before "
    assert desk.said[-1] == "nothing of ours is there to take back"


def test_other_settings_hold_once_it_is_armed_again() -> None:
    desk = Desk(enter=False).armed()
    desk.push("a⏎b")
    assert desk.run() == "ab"
    desk.typist.change(replace(SETTINGS, enter=True))
    desk.push("lost⏎")
    assert desk.run() == "ab"
    assert "disarmed: the settings have changed" in desk.said
    desk.armed().push("c⏎")
    assert desk.run() == "abc\n"


def test_what_the_keyboard_lacks_is_told_once_and_without_the_character() -> None:
    desk = Desk().armed()
    desk.push("a~b")
    desk.push("~c")
    assert desk.run() == "abc"
    assert [said for said in desk.said if "layout" in said] == [
        "a character that this keyboard layout cannot make was left out"
    ]
    assert desk.typist.state()["dropped"] == {"layout": 2}


def test_a_lost_edit_stops_it_with_a_sentence() -> None:
    desk = Desk().armed()
    desk.push("a")
    desk.seq += 1
    desk.push("b")
    assert desk.run() == ""
    assert "event 2 came where 1 was expected: nothing is typed until it is armed again" in desk.said


def test_a_window_that_takes_no_keys_gets_one_and_then_no_more() -> None:
    desk = Desk().armed()
    desk.keyboard.lags = [1.2] * 100
    desk.keyboard.waited = lambda: desk.run_clock(0.2)
    desk.push("abc")
    assert desk.run() == "a"
    assert "the window takes no keys any more; 2 keys" in desk.said[-1]


@pytest.mark.parametrize("fails", [0, 1])
def test_a_failed_press_is_released_too(fails: int) -> None:
    keyboard = FakeKeyboard(fails=fails)
    hands = Hands(keyboard)
    with pytest.raises(OSError, match="gone"):
        hands.tap("A")
    assert keyboard.held == []
    hands.close()
    assert keyboard.closed


LAGS = st.lists(st.one_of(st.none(), st.floats(0, 5)), max_size=50)


@given(LAGS)
def test_the_pause_stays_in_its_bounds_and_follows_a_slow_window_at_once(lags: list[float | None]) -> None:
    pace = Pace(0.02, 0.005)
    for lag in lags:
        before = pace.pause
        pace.heard(lag)
        assert 0.005 <= pace.pause <= SLOWEST
        if lag is None:
            assert pace.pause == before
        elif lag > QUICK:
            assert pace.pause >= min(lag, SLOWEST)
        else:
            assert pace.pause <= before


def test_a_window_that_keeps_up_is_typed_into_as_fast_as_allowed() -> None:
    pace = Pace(0.02, 0.005)
    for _ in range(20):
        pace.heard(0.001)
    assert pace.pause == 0.005
    pace.heard(0.2)
    assert pace.pause == 0.2
    for _ in range(40):
        pace.heard(0.001)
    assert pace.pause == 0.005
