import os
import pty
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from adapters.host.terminal import Terminal


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a terminal at which its user types; its other end is standard input."""
    user, program = pty.openpty()
    with os.fdopen(program) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield user
    os.close(user)


def pressed(terminal: Terminal) -> str:
    """The typed characters, as soon as there are any."""
    end = time.monotonic() + 10
    while not (characters := terminal.pressed()) and time.monotonic() < end:
        time.sleep(0.005)
    return characters


def test_single_keys_come_without_a_whole_line_and_are_not_shown(keyboard: int) -> None:
    before = termios.tcgetattr(sys.stdin)
    with Terminal() as terminal:
        assert terminal.pressed() == ""
        os.write(keyboard, b"p")
        assert pressed(terminal) == "p"
        os.write(keyboard, "é ".encode())
        assert pressed(terminal) == "é "
        assert not termios.tcgetattr(sys.stdin)[3] & (termios.ECHO | termios.ICANON)
    assert termios.tcgetattr(sys.stdin) == before


def test_a_pipe_that_ends_gives_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with Terminal() as terminal:
            os.write(writer, b"ab")
            os.close(writer)
            assert [terminal.pressed() for _ in range(3)] == ["ab", "", ""]
