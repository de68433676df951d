import pytest

from adapters.inject.backends import choose
from adapters.inject.settings import BackendName
from messages.errors import InputError


@pytest.mark.parametrize(
    ("name", "platform", "environment", "chosen"),
    [
        ("auto", "linux", {"DISPLAY": ":0"}, "x11"),
        ("auto", "linux", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "uinput"),
        ("auto", "linux", {"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, "uinput"),
        ("x11", "linux", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "x11"),
        ("uinput", "linux", {}, "uinput"),
        ("auto", "darwin", {}, "pynput"),
        ("pynput", "win32", {}, "pynput"),
    ],
)
def test_the_backend_follows_the_session(
    name: BackendName, platform: str, environment: dict[str, str], chosen: BackendName
) -> None:
    assert choose(name, platform, environment) == chosen


@pytest.mark.parametrize(
    ("name", "platform", "why"),
    [
        ("auto", "linux", "no display to type at"),
        ("x11", "darwin", "is for Linux"),
        ("pynput", "linux", "is for macOS and Windows"),
    ],
)
def test_a_backend_that_is_not_for_this_system_is_refused(name: BackendName, platform: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        choose(name, platform, {})
