"""`emgtype doctor`: each part tried, and none stops the next."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pylsl import resolve_byprop

from adapters.wire.publisher import PubSocket
from emgtype.config import Config, load_config
from emgtype.live import doctor
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent

Run = Callable[..., subprocess.CompletedProcess[str]]


def by_part(config: Config) -> dict[str, doctor.DoctorResult]:
    return {result.part: result for result in doctor.examine(config)}


def no_daemon(*_arguments: object) -> None:
    raise InputError("nobody answers")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Nobody's bands, and nowhere to type."""
    monkeypatch.setattr(doctor, "_SECONDS", 0.3)
    monkeypatch.setattr(doctor, "ask_daemon", no_daemon)  # which takes seconds to find
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    flags = {"source.stream": "nobody's", "source.timeout_s": 0.1, "publish.endpoint": f"ipc://{tmp_path}/text"}
    return load_config(None, flags)


@pytest.mark.slow
def test_all_that_typing_needs_is_tried_with_bands_that_play(
    emgtype: Run, session_file: Path, environment: dict[str, str]
) -> None:
    call = [sys.executable, "-m", "emgtype.cli", "simulate", "--play", str(session_file), "--stream", "examined"]
    with subprocess.Popen(call, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as player:
        try:
            assert resolve_byprop("name", "examined", timeout=60)  # a busy machine starts the player late
            done = emgtype("doctor", "--stream", "examined", "--json")
        finally:
            player.terminate()
    assert done.stdout, done.stderr
    found = {each["part"]: each for each in json.loads(done.stdout)}
    assert all(found[part]["well"] for part in ("versions", "model", "bands", "sockets", "room", "extras"))
    assert found["bands"]["says"].startswith("examined: ")
    assert found["sockets"]["says"].endswith("are free")


def test_a_missing_part_is_reported_with_advice_and_does_not_stop_the_next_ones(config: Config) -> None:
    found = by_part(config)
    assert found["bands"].well is False
    assert "start the device's LSL outlet" in found["bands"].says
    assert found["keyboard"].well is None  # serve alone types into no window
    assert "no display to type at" in found["keyboard"].says
    assert found["sockets"].well
    assert found["extras"].well


def test_a_missing_library_is_named_with_the_extra_that_installs_it(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(module: str) -> Callable[..., None]:
        def fail(*_arguments: object) -> None:
            raise ModuleNotFoundError(name=module)

        return fail

    monkeypatch.setattr(doctor, "open_keyboard", without("pynput.keyboard"))
    monkeypatch.setattr(doctor, "assemble", without("kenlm"))
    monkeypatch.setattr(doctor, "open_sources", without("pyxdf"))
    results = by_part(config)
    keyboard, speed, bands = (results[part] for part in ("keyboard", "speed", "bands"))
    assert (keyboard.well, keyboard.says) == (
        None,
        "pynput is not installed: pip install 'emgtype[inject]' if you want --inject",
    )
    assert (speed.well, speed.says) == (False, "kenlm is not installed: pip install kenlm")
    assert (bands.well, bands.says) == (False, "pyxdf is not installed: pip install 'emgtype[xdf]'")


def test_a_socket_in_use_by_another_program_is_reported(config: Config) -> None:
    with PubSocket(config.publish.endpoint):
        assert by_part(config)["sockets"].well is False


def test_without_a_model_nothing_else_can_be_tried(config: Config) -> None:
    found = by_part(replace(config, bundle="nowhere"))
    assert list(found) == ["versions", "model"]
    assert "no model bundle 'nowhere'" in found["model"].says


def test_the_speed_of_a_machine_that_is_too_slow_is_reported(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Slow:
        def push(self, chunk: Chunk) -> list[TextEvent]:
            assert np.isfinite(chunk.samples).all()
            now[0] += 0.02
            return []

    monkeypatch.setattr(doctor, "assemble", lambda *_: Slow())
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    found = by_part(config)["speed"]
    assert (found.well, found.says.startswith("32.0 ms of signal decoded in 20.0 ms")) == (False, True)


def test_the_exit_code_says_whether_all_is_well(emgtype: Run) -> None:
    done = emgtype("doctor", "--bundle", "nowhere")
    assert done.returncode == 1
    assert "✗ model: no model bundle 'nowhere'" in done.stdout
