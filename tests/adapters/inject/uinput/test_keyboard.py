"""The uinput keyboard: layouts by libxkbcommon, and reports to a device that checks its caller, or to the kernel's."""

import ctypes
import os
import select
import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.inject._device import KeyPresser
from adapters.inject.uinput.keyboard import EV_KEY, GAP, START_UP, UinputKeyboard
from adapters.inject.uinput.layout import ALTGR, SHIFT, strokes
from messages.errors import InputError

ALL = string.ascii_letters + string.digits + string.punctuation + " "


def has_xkbcommon() -> bool:
    try:
        ctypes.CDLL("libxkbcommon.so.0")
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_xkbcommon(), reason="libxkbcommon is not installed")


class FakeDevice:
    """Checks that keys are those it was made with, and that each report presses or releases one that may be."""

    def __init__(self, codes: Sequence[int]) -> None:
        self.codes = set(codes)
        self.held: set[int] = set()
        self.reports: list[tuple[int, int]] = []
        self.pending: list[tuple[int, int]] = []
        self.slept: list[float] = []
        self.closed = False

    def write(self, etype: int, code: int, value: int) -> None:
        assert etype == EV_KEY
        assert not self.closed
        assert code in self.codes
        assert (value == 1) != (code in self.held)
        self.held ^= {code}
        self.pending.append((code, value))

    def syn(self) -> None:
        # One event per report, since the events of a report have no order.
        (report,) = self.pending
        self.reports.append(report)
        self.pending.clear()

    def close(self) -> None:
        assert not self.held
        self.closed = True


def keyboard(layout: str) -> tuple[UinputKeyboard, FakeDevice]:
    made: list[FakeDevice] = []

    def make(codes: Sequence[int]) -> FakeDevice:
        made.append(FakeDevice(codes))
        return made[0]

    slept: list[float] = []
    found = UinputKeyboard(layout, make, slept.append)
    made[0].slept = slept
    return found, made[0]


def test_letters_where_each_layout_has_them() -> None:
    us, de, fr = (strokes(layout) for layout in ("us", "de", "fr"))
    assert (us["y"], de["y"], us["z"], de["z"]) == ((21,), (44,), (44,), (21,))
    assert (us["q"], fr["q"], fr["a"]) == ((16,), (30,), (16,))
    assert (us["@"], de["@"], fr["1"]) == ((SHIFT, 3), (ALTGR, 16), (SHIFT, 2))
    assert (de["€"], fr["é"]) == ((ALTGR, 18), (3,))
    for layout in (us, de, fr):
        assert (layout["\b"], layout["\n"], layout[" "]) == ((14,), (28,), (57,))


@pytest.mark.parametrize("layout", ["us", "gb", "de(nodeadkeys)", "us(dvorak)", "ch(fr)"])
def test_each_character_of_a_layout_has_keys_of_its_own(layout: str) -> None:
    found = strokes(layout)
    # No two characters on the same keys.
    assert len(set(found.values())) == len(found)
    lacking = [character for character in ALL if character not in found]
    assert not [c for c in lacking if c.isalnum()]
    if layout in ("us", "gb", "us(dvorak)", "de(nodeadkeys)"):
        assert lacking == []


def test_a_character_behind_a_dead_key_is_left_out() -> None:
    assert "^" not in strokes("de")
    assert "^" in strokes("de(nodeadkeys)")


@pytest.mark.parametrize(
    ("layout", "why"),
    [("", "expected the one that your session uses"), ("klingon", "no layout 'klingon'"), ("a b", "expec")],
)
def test_a_layout_is_never_guessed(layout: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        strokes(layout)


def test_a_fresh_device_waits_before_its_first_key_and_each_report_is_one_key() -> None:
    found, device = keyboard("us")
    assert device.slept == [START_UP]
    presser = KeyPresser(found)
    assert presser.tap("a")
    assert presser.tap("B")
    assert not presser.tap("é")
    assert presser.tap("\b")
    assert device.reports == [(30, 1), (30, 0), (SHIFT, 1), (48, 1), (48, 0), (SHIFT, 0), (14, 1), (14, 0)]
    assert device.slept[1:] == [GAP] * 3
    assert found.lag() is None  # type: ignore[func-returns-value]
    presser.close()
    assert device.closed


def test_every_character_of_a_layout_is_typed_and_released() -> None:
    presser = KeyPresser(keyboard("us")[0])
    assert all(presser.tap(character) for character in ALL)
    presser.close()


def test_without_access_to_the_device_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    evdev = pytest.importorskip("evdev")

    def refuse(*_: object, **__: object) -> None:
        raise evdev.UInputError('"/dev/uinput" cannot be opened for writing')

    monkeypatch.setattr(evdev, "UInput", refuse)
    with pytest.raises(InputError, match=r"cannot be opened for writing.*udev rule"):
        UinputKeyboard("us")


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="no /dev/uinput that can be written to")
def test_the_kernel_reports_each_key_pressed_and_released_once() -> None:
    evdev = pytest.importorskip("evdev")
    before = set(Path("/dev/input").glob("event*"))
    presser = KeyPresser(UinputKeyboard("us"))
    (node,) = [
        path for path in set(Path("/dev/input").glob("event*")) - before if "emgtype" in evdev.InputDevice(path).name
    ]
    device = evdev.InputDevice(node)
    # Otherwise the program that has the focus on this machine would get the keys.
    device.grab()
    text = ALL + "aab"
    seen: list[tuple[int, int]] = []
    for character in text:
        assert presser.tap(character)
        while select.select([device], [], [], 0.05)[0]:
            seen += [(event.code, event.value) for event in device.read() if event.type == EV_KEY]
    keys = [strokes("us")[character] for character in text]
    expected = [[*((code, 1) for code in codes), *((code, 0) for code in reversed(codes))] for codes in keys]
    assert seen == [report for reports in expected for report in reports]
    assert device.active_keys() == []
    device.close()
    presser.close()
