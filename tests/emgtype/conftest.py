import io
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import onnx
import pytest

from emgtype.cli import main
from emgtype.datasets.simulated import write_session
from emgtype.places import PACKAGE
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.session import typing_session

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Loopback only, and nothing of the user's own."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@pytest.fixture
def emgtype(environment: dict[str, str], tmp_path: Path) -> Run:
    """Calls the command line as a user would, in an empty folder; in this process, which has imported it already."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        call = ["emgtype", *map(str, arguments)]
        out, said = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(said):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", call)
            patch.setenv("COLUMNS", environment["COLUMNS"])
            before = signal.getsignal(signal.SIGTERM)
            code: object = 0
            try:
                main()
            except SystemExit as end:
                code = end.code
            except Exception:
                traceback.print_exc()
                code = 1
            finally:
                signal.signal(signal.SIGTERM, before)
        texts = [stream.buffer.getvalue().decode() for stream in (out, said)]
        return subprocess.CompletedProcess(call, code if isinstance(code, int) else int(code is not None), *texts)

    return run


@pytest.fixture
def emgtype_process(environment: dict[str, str], tmp_path: Path) -> Run:
    """As `emgtype`, in a process of its own: for what reads a keyboard, or listens to this process."""

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "emgtype.cli", *map(str, arguments)]
        return subprocess.run(
            call, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def bundle_with(tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the demo's bundle that states other facts; tables are laid over those that it states."""

    def copy(name: str, **facts: object) -> Path:
        folder = tmp_path / name
        shutil.copytree(PACKAGE.find("exported/demo"), folder)
        model = onnx.load(folder / "encoder.onnx")
        for entry in model.metadata_props:
            if (fact := entry.key.removeprefix("emgtype.")) in facts:
                value = facts[fact]
                entry.value = json.dumps(json.loads(entry.value) | value if isinstance(value, dict) else value)
        onnx.save(model, folder / "encoder.onnx")
        return folder

    return copy


@pytest.fixture(scope="session")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of the demo's person on a donning that nothing was trained on."""
    return _typed(tmp_path_factory.mktemp("sessions") / "typed.hdf5", 4100, 30.0)


@pytest.fixture(scope="session")
def short_session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompt, 13 seconds, on another donning: for what is played as slowly as it was typed."""
    return _typed(tmp_path_factory.mktemp("sessions") / "short.hdf5", 4101, 14.0)


def _typed(path: Path, donning: int, seconds: float) -> Path:
    write_session(path, typing_session(make_person(1), donning, load_text("demo"), seconds))
    return path
