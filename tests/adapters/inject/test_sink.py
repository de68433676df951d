"""The key injector with its process on a real X server: text arrives, and however it ends no key stays held."""

import json
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.inject.settings import SECTION, InjectSettings
from adapters.inject.sink import KeyInjector
from adapters.inject.x11.keyboard import X11Keyboard
from benchmarks.screen import Program, Screen, until
from emgtype.config import load_config
from messages.charset import KEYS, text_to_labels
from messages.errors import InputError
from messages.text import Key, TextEvent

SETTINGS = replace(load_config().inject, arm_delay_s=0.0, hotkey="")
EVERYTHING = "".join(key for key in KEYS if key not in "⌫⏎⇧")


class Typing:
    """An injector, and the numbers of its events."""

    def __init__(self, sink: KeyInjector, notices: list[str]) -> None:
        self.sink, self.notices = sink, notices
        self.seq = 0
        self.time = 0.0

    def push(self, keys: str, after: float = 0.1) -> None:
        self.time += after
        inserted = tuple(Key(label, self.time, 1.0) for label in text_to_labels(keys))
        self.sink.push(TextEvent(0, inserted, 0, self.time, self.seq))
        self.seq += 1

    def arm(self) -> None:
        self.sink.arm()
        self.sink.await_armed()

    def await_notice(self, part: str) -> None:
        until(lambda: any(part in notice for notice in self.notices), part)


@contextmanager
def typing(settings: InjectSettings = SETTINGS, *, armed: bool = True) -> Iterator[Typing]:
    notices: list[str] = []
    with KeyInjector(settings, notices.append) as sink:
        typed = Typing(sink, notices)
        if armed:
            typed.arm()
        yield typed


def test_all_keys_arrive_exactly_once_and_are_released(screen: Screen) -> None:
    terminal = screen.terminal()
    with typing() as typed:
        typed.push(EVERYTHING)
        typed.push("x⇧Yz\b!")
        typed.sink.finish()
        # The z is never typed.
        assert typed.sink.status()["pressed"] == len(EVERYTHING) + 3
    assert terminal.wait_for(EVERYTHING + "xY!") == EVERYTHING + "xY!"
    assert screen.held() == []


def test_settings_can_change_except_those_of_the_keyboard(screen: Screen) -> None:
    terminal = screen.terminal()
    with typing(replace(SETTINGS, enter=False)) as typed:
        typed.push("a⏎b")
        assert terminal.wait_for("ab") == "ab"
        typed.sink.change(replace(SETTINGS, enter=True))
        typed.await_notice("the settings have changed")
        with pytest.raises(InputError, match=f"layout = 'de' in {re.escape(SECTION)} cannot change while the daemon"):
            typed.sink.change(replace(SETTINGS, layout="de"))
        typed.arm()
        typed.push("c⏎")
        typed.sink.finish()
    assert terminal.wait_for("abc\n") == "abc\n"


def test_nothing_is_typed_while_disarmed(screen: Screen) -> None:
    terminal = screen.terminal()
    with typing(armed=False) as typed:
        typed.push("secret")
        typed.arm()
        typed.push("ok")
        assert terminal.wait_for("ok") == "ok"
        typed.sink.disarm()
        typed.push("secret")
        typed.await_notice("disarmed")
        typed.sink.finish()
    assert terminal.text() == "ok"


def test_own_text_is_corrected_and_undone_and_other_text_stays(screen: Screen) -> None:
    terminal = screen.terminal()
    screen.run("xdotool", "type", "before ").process.wait()
    assert terminal.wait_for("before ") == "before "
    with typing(replace(SETTINGS, text="live")) as typed:
        typed.push("one ")
        typed.push("two", after=2.0)
        assert terminal.wait_for("before one two") == "before one two"
        typed.sink.undo()
        assert terminal.wait_for("before one ") == "before one "
        for _ in range(3):
            typed.sink.undo()
        typed.push("\b\b\b\b")
        assert terminal.wait_for("before ") == "before "
        typed.push("new")
        assert terminal.wait_for("before new") == "before new"
        screen.run("xdotool", "type", "er").process.wait()
        assert terminal.wait_for("before newer") == "before newer"
        # Text before somebody else's keys is no longer our own.
        typed.push("\b\b\b!")
        assert terminal.wait_for("before newer!") == "before newer!"


def test_another_window_gets_nothing(screen: Screen) -> None:
    editor = screen.terminal("editor")
    with typing() as typed:
        typed.push("mine")
        assert editor.wait_for("mine") == "mine"
        # The new window takes the focus.
        mail = screen.terminal("mail")
        typed.await_notice("the focus has moved")
        typed.push("not yours")
        editor.focus()
        typed.push("nor here")
        typed.sink.finish()
    assert (editor.text(), mail.text()) == ("mine", "")


def test_a_forbidden_application_and_no_window_are_refused(screen: Screen) -> None:
    with typing(armed=False) as typed:
        with pytest.raises(InputError, match="no window has the focus"):
            typed.arm()
        vault = screen.terminal("KeePassXC")
        with pytest.raises(InputError, match="'keepassxc' is one of the forbidden"):
            typed.arm()
        typed.push("password")
        typed.sink.finish()
    assert vault.text() == ""


def test_the_hotkey_arms_and_disarms(screen: Screen) -> None:
    terminal = screen.terminal()
    with typing(replace(SETTINGS, hotkey="<ctrl>+<alt>+k"), armed=False) as typed:
        for armed in (True, False):
            screen.run("xdotool", "key", "ctrl+alt+k").process.wait()
            until(lambda armed=armed: typed.sink.status()["armed"] is armed, "the hotkey")  # type: ignore[misc]
            typed.push("ab"[not armed])
            if armed:
                until(lambda: "a" in terminal.text(), "the letter")
        typed.sink.finish()
    # The window did not get the hotkey.
    assert terminal.text() == "a"


def test_a_hotkey_that_another_program_has_is_refused(screen: Screen) -> None:
    settings = replace(SETTINGS, hotkey="<ctrl>+<alt>+k")
    with typing(settings, armed=False), pytest.raises(InputError, match="another program has it"):
        KeyInjector(settings, print)


def test_a_killed_process_leaves_no_key_held_and_a_fresh_one_is_not_armed(screen: Screen) -> None:
    terminal = screen.terminal()
    # A second keyboard stands for a process that was killed at a worse moment than ours.
    other = X11Keyboard()
    (shift, key) = other.find("A") or ()
    with typing() as typed:
        typed.push(EVERYTHING * 3)
        until(terminal.text, "the first key")
        os.kill(typed.sink.process_id, signal.SIGKILL)
        other.send([(shift, True), (key, True)])
        other.lag()
        typed.await_notice("has died (exit code -9)")
        until(lambda: screen.held() == [], "the release of all keys")
        assert not typed.sink.status()["armed"]
        begun = terminal.text()
        typed.push("lost")
        typed.arm()
        typed.push("again")
        until(lambda: terminal.text().endswith("again"), "the text")
    assert (EVERYTHING * 3 + "A").startswith(begun.replace("A", "")[:3])
    other.close()


PARENT = """
import json, sys, time
from adapters.inject.settings import InjectSettings
from adapters.inject.sink import KeyInjector
from messages.charset import text_to_labels
from messages.text import Key, TextEvent

sink = KeyInjector(InjectSettings(**json.loads(sys.argv[1])), print)
sink.arm()
sink.await_armed()
sink.push(TextEvent(0, tuple(Key(label, 1.0, 1.0) for label in text_to_labels(sys.argv[2])), 0, 1.0, 0))
print(sink.process_id, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_daemon_leaves_no_key_held_at_any_moment(screen: Screen) -> None:
    terminal = screen.terminal()
    for run in range(3):
        settings = json.dumps(asdict(SETTINGS))
        with Program(
            sys.executable, "-c", PARENT, settings, EVERYTHING * 5, environment=screen.environment, pipe=True
        ) as parent:
            assert parent.process.stdout is not None
            *_, child = (parent.process.stdout.readline() for _ in range(2))
            until(terminal.text, "the first key")
            time.sleep(random.uniform(0, 0.3))
            parent.process.kill()
            until(lambda child=child: not Path(f"/proc/{int(child)}").exists(), "the end of the key process")  # type: ignore[misc]
        assert screen.held() == []
        typed = terminal.text()
        # The daemon was killed in the middle of the text.
        assert len(typed) < (run + 1) * 5 * len(EVERYTHING)


def test_the_end_of_the_desktop_session_is_one_notice(screen: Screen, capfd: pytest.CaptureFixture[str]) -> None:
    screen.terminal()
    with typing() as typed:
        screen.close()
        typed.await_notice("the desktop session that was typed into has ended")
        typed.push("lost")
    assert "Traceback" not in capfd.readouterr().err


def test_closing_drops_the_waiting_keys_at_once(screen: Screen) -> None:
    terminal = screen.terminal()
    with typing(replace(SETTINGS, pause_s=0.1, shortest_pause_s=0.1)) as typed:
        typed.push(EVERYTHING)
        until(terminal.text, "the first key")
        began = time.monotonic()
    # Typing all of it would take ten seconds.
    assert time.monotonic() - began < 5
    assert EVERYTHING.startswith(terminal.text())
    assert screen.held() == []


def test_a_hanging_process_never_delays_the_daemon(screen: Screen) -> None:
    screen.terminal()
    with typing() as typed:
        os.kill(typed.sink.process_id, signal.SIGSTOP)

        def push() -> None:
            for _ in range(30_000):
                typed.push("abcdefgh")

        pushing = threading.Thread(target=push)
        pushing.start()
        pushing.join(30)
        assert not pushing.is_alive()
        typed.await_notice("has died")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"backend": "pynput"}, "is for macOS and Windows"),
        ({"backend": "uinput", "hotkey": "<ctrl>+k"}, "emgtype control"),
        ({"backend": "uinput"}, "expected the one that your session uses"),
        ({"hotkey": "<control>+k"}, "expected <ctrl>, <alt>"),
        ({"hotkey": "<ctrl>+nothing"}, "expected <ctrl>, <alt>"),
    ],
)
def test_settings_that_do_not_fit_are_refused(screen: Screen, settings: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=why):
        KeyInjector(replace(SETTINGS, **settings), print)  # type: ignore[arg-type]


@pytest.mark.parametrize(("display", "why"), [("", "no display to type at"), (":4711", "no X display to type at")])
def test_without_a_display_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, display: str, why: str) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    with pytest.raises(InputError, match=why):
        KeyInjector(SETTINGS, print)
