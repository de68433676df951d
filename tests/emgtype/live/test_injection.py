"""`emgtype replay --inject`: a real window gets exactly the final text, and no signal leaves a key held."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("Xlib", reason="python-xlib is for X11")

from adapters.files.closing import Closing
from adapters.sessions.reader import SessionReader
from benchmarks.screen import Screen, until
from emgtype.config import load_config
from emgtype.datasets.simulated import write_session
from emgtype.live.injection import check_flags
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.replay.key_delays import ShownKeys
from emgtype.texts import load_text
from messages.errors import InputError
from messages.text import render
from simulator.person import make_person
from simulator.session import typing_session

RUNS = 3


@pytest.fixture(scope="module")
def short_session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Twenty seconds of the demo's person, and the final text without line breaks, which are not typed."""
    path = tmp_path_factory.mktemp("sessions") / "short.hdf5"
    write_session(path, typing_session(make_person(1), 4102, load_text("demo"), 20.0))
    pipeline, keys = assemble(open_bundle("demo"), load_config(flags={"bundle": "demo"})), ShownKeys()
    with SessionReader(path) as session:
        for event in (*(event for chunk in session.chunks() for event in pipeline.push(chunk)), *pipeline.finish()):
            keys.push(event)
    text = render(keys.labels).replace("\n", "")
    assert len(text) > 10
    return path, text


class Replay(Closing):
    """A replay that types into the window of a screen that has the focus. Use it in a `with`."""

    def __init__(self, environment: dict[str, str], screen: Screen, session: Path, *flags: str, keys: str = "") -> None:
        config = screen.folder / "keys.toml"
        config.write_text(f'[inject]\narm_delay_s = 0.0\nhotkey = ""\n{keys}\n')
        command = [sys.executable, "-m", "emgtype.cli", "replay", str(session), *flags, "--inject", "--arm"]
        mine = {**environment, **screen.environment, "OMP_NUM_THREADS": "1"}
        pipe, call = subprocess.PIPE, [*command, "--config", str(config)]
        self.process = subprocess.Popen(call, env=mine, cwd=screen.folder, stdout=pipe, stderr=pipe, text=True)

    def close(self) -> None:
        """Kill it, if it has not ended."""
        self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str, str]:
        """Exit code, output, and what it said."""
        out, said = self.process.communicate(timeout=120)
        return self.process.returncode, out, said

    def child(self) -> int:
        """The key process."""
        found = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return next(int(number) for path in found for number in path.read_text().split())


@pytest.mark.slow
def test_a_window_gets_exactly_the_final_text_as_fast_as_possible(
    environment: dict[str, str], short_session: tuple[Path, str], screen: Screen
) -> None:
    path, text = short_session
    for run in range(RUNS):
        terminal = screen.terminal(f"run{run}")
        with Replay(environment, screen, path, "--fast", "--json") as running:
            code, out, said = running.ended()
        assert code == 0, said
        assert terminal.wait_for(text) == text
        assert "armed: typing into the focused window" in said
        assert json.loads(out)["beam"]["target"] > 10
    assert screen.held() == []


@pytest.mark.slow
def test_a_window_gets_exactly_the_final_text_at_the_speed_of_the_recording(
    environment: dict[str, str], short_session: tuple[Path, str], tmp_path: Path, screen: Screen
) -> None:
    path, text = short_session
    with ExitStack() as stack:  # at the same time, on a screen each: it is the harder test, and the shorter one
        screens = [screen]
        for number in range(1, RUNS):
            (tmp_path / str(number)).mkdir()
            screens.append(stack.enter_context(Screen(tmp_path / str(number))))
        terminals = [each.terminal() for each in screens]
        texts = ("final", "live", "final")
        runs = [
            stack.enter_context(Replay(environment, each, path, "--quiet", keys=f'text = "{text_of}"'))
            for each, text_of in zip(screens, texts, strict=True)
        ]
        for run in runs:
            code, _, said = run.ended()
            assert code == 0, said
        for terminal in terminals:
            assert terminal.wait_for(text) == text


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_however_the_daemon_is_ended_no_key_stays_held(
    environment: dict[str, str], short_session: tuple[Path, str], screen: Screen, number: signal.Signals
) -> None:
    path, text = short_session
    terminal = screen.terminal()
    with Replay(environment, screen, path, "--fast", keys="pause_s = 0.04\nshortest_pause_s = 0.04") as running:
        until(terminal.text, "the first key")
        child = running.child()
        time.sleep(random.uniform(0, 0.5))
        running.process.send_signal(number)
        code, _, _ = running.ended()
    assert code == 130
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of the key process")
    assert screen.held() == []
    assert text.startswith(terminal.text())


def test_flags_that_would_type_nothing_are_refused() -> None:
    settings = replace(load_config().inject, hotkey="")
    for flags, why in (
        ({"inject": True, "arm": False}, "nothing can arm it"),
        ({"inject": False, "arm": True}, "--arm goes with --inject"),
        ({"inject": True, "arm": True, "people": 2}, "types one person's text, 2 are to be served"),
    ):
        with pytest.raises(InputError, match=why):
            check_flags(settings, **flags)
    check_flags(settings, inject=True, arm=False, requests=True)
    check_flags(load_config().inject, inject=True, arm=False)


def test_without_a_display_it_says_so_in_one_sentence(
    environment: dict[str, str], session_file: Path, screen: Screen
) -> None:
    screen.name = ""
    with Replay(environment, screen, session_file, "--fast") as running:
        code, _, said = running.ended()
    assert (code, "no display to type at" in said, "Traceback" in said) == (2, True, False), said
