"""Pings of a window on a real X server (Xvfb) that answers as a toolkit does."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from Xlib import X, Xatom
from Xlib.protocol.event import ClientMessage

from adapters.inject.x11.ping import WindowPing
from benchmarks.screen import Screen


class Toolkit:
    """A focused window of a program that answers each ping `delay` seconds late, unless it hangs."""

    def __init__(self, screen: Screen, *, answers: bool = True) -> None:
        self.delay = 0.0
        self.hangs = Event()
        self._ended = Event()
        self._display: Any = screen.display()
        self._root = self._display.screen().root
        self._protocols = self._display.intern_atom("WM_PROTOCOLS")
        window = self._root.create_window(0, 0, 100, 100, 0, 0)
        if answers:
            window.change_property(self._protocols, Xatom.ATOM, 32, [self._display.intern_atom("_NET_WM_PING")])
        window.map()
        self._display.sync()
        window.set_input_focus(X.RevertToNone, X.CurrentTime)
        self._display.sync()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            select.select([self._display], [], [], 0.01)
            while not self.hangs.is_set() and self._display.pending_events():
                event = self._display.next_event()
                if event.type == X.ClientMessage and event.client_type == self._protocols:
                    time.sleep(self.delay)
                    answer = ClientMessage(window=self._root, client_type=self._protocols, data=event.data)
                    self._root.send_event(answer, event_mask=X.SubstructureNotifyMask)
                    self._display.flush()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._display.close()


@contextmanager
def pinging(screen: Screen, *, answers: bool = True) -> Iterator[tuple[WindowPing, Toolkit]]:
    display, toolkit = screen.display(), Toolkit(screen, answers=answers)
    try:
        yield WindowPing(display), toolkit
    finally:
        toolkit.close()
        display.close()


def test_the_lag_is_the_time_until_the_window_answers(screen: Screen) -> None:
    with pinging(screen) as (ping, toolkit):
        assert ping.lag() < 0.15
        toolkit.delay = 0.15
        assert ping.lag() >= 0.15


def test_the_lag_of_a_hanging_window_grows_until_it_answers(screen: Screen) -> None:
    with pinging(screen) as (ping, toolkit):
        toolkit.hangs.set()
        first = ping.lag()
        assert first >= 0.2
        assert ping.lag() >= first + 0.2
        toolkit.hangs.clear()
        # The late answer is to the first ping; the next one is quick again.
        assert ping.lag() >= first
        assert ping.lag() < 0.15


def test_a_window_that_answers_no_pings_counts_as_quick(screen: Screen) -> None:
    with pinging(screen, answers=False) as (ping, _):
        assert ping.lag() == 0.0


def test_a_change_of_the_keyboard_layout_is_noticed_once(screen: Screen) -> None:
    with pinging(screen) as (ping, _):
        ping.layout_changed()
        screen.run("setxkbmap", "de").process.wait()
        end = time.monotonic() + 10
        while not ping.layout_changed() and time.monotonic() < end:
            time.sleep(0.01)
        assert time.monotonic() < end
        time.sleep(0.2)
        ping.layout_changed()
        assert not ping.layout_changed()
