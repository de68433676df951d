"""Keep tests hermetic, and the processes that they start: LSL on loopback, nothing of the user's own is touched."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import pytest
from hypothesis import settings

from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config
from benchmarks.screen import Screen
from tests.groups import not_run

# liblsl asks for the clock eight times at 64 ms when a stream is opened, and again after 2 s where answers lack.
_LSL = NamedTemporaryFile("w", prefix="emgtype-test-", suffix=".cfg")  # noqa: SIM115 - for as long as the tests run
_LSL.write(loopback_config().read_text(encoding="utf-8"))
_LSL.write("[tuning]\nTimeProbeInterval = 0.004\nTimeUpdateInterval = 0.25\n")
_LSL.flush()
os.environ[LSL_CONFIG_VARIABLE] = _LSL.name  # here, at the top: liblsl reads it once, at its first call

# As early: what is the user's own is asked for once, when emgtype is imported.
_HOME = TemporaryDirectory(prefix="emgtype-test-")
Path(_HOME.name, "run").mkdir(mode=0o700)
os.environ |= {"HOME": _HOME.name, "XDG_RUNTIME_DIR": f"{_HOME.name}/run"}
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(_name, None)

settings.register_profile("emgtype", parent=settings(), deadline=None)  # machines are shared: no test asserts speed
settings.load_profile("emgtype")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make every long test a slow one, so that `-m "not slow"` leaves the quick ones alone."""
    if item.get_closest_marker("long"):
        item.add_marker("slow")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Print in one line, below all else, which groups of tests were not run, and how to have them."""
    yield
    # A test is skipped with (file, line, reason).
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    deselected = terminalreporter.stats.get("deselected", [])
    long = sum(item.get_closest_marker("long") is not None for item in deselected)
    if line := not_run(reasons, long):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(autouse=True)
def empty_home() -> Iterator[None]:
    """Empty the user's folders behind each test, so that no test meets what another one left there."""
    yield
    for path in Path(_HOME.name).iterdir():
        if path.is_dir() and path.name != "run":  # the folder of the sockets, which is made once, above
            shutil.rmtree(path)


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """Run an X server for this test, named by the environment."""
    for program in ("Xvfb", "xterm", "xdotool", "setxkbmap"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed: no window to type into")
    with Screen(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
