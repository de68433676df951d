"""Raw input events of a real X server (Xvfb)."""

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.inject.x11.foreign_input import ForeignInputWatch
from benchmarks.screen import Screen


def test_each_foreign_press_is_noticed_once(screen: Screen) -> None:
    display = screen.display()
    watch = ForeignInputWatch(display)
    assert not watch.pressed(0)
    screen.run("xdotool", "key", "a").process.wait()
    assert watch.pressed(0)
    assert not watch.pressed(0)
    screen.run("xdotool", "click", "1").process.wait()
    assert watch.pressed(0)
    display.close()


def test_presses_that_are_ours_and_the_wheel_do_not_count(screen: Screen) -> None:
    display = screen.display()
    watch = ForeignInputWatch(display)
    screen.run("xdotool", "key", "a", "b").process.wait()
    assert not watch.pressed(2)
    screen.run("xdotool", "click", "4", "click", "5").process.wait()
    assert not watch.pressed(2)
    screen.run("xdotool", "key", "c").process.wait()
    assert watch.pressed(2)
    display.close()


def test_a_press_of_ours_whose_event_is_late_hides_no_foreign_press_for_good(screen: Screen) -> None:
    display = screen.display()
    watch = ForeignInputWatch(display)
    assert not watch.pressed(1)
    screen.run("xdotool", "key", "a").process.wait()
    assert not watch.pressed(1)
    screen.run("xdotool", "key", "b").process.wait()
    assert watch.pressed(1)
    display.close()
