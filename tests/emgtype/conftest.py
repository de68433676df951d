import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from emgtype.datasets.simulated import write_session
from emgtype.places import PACKAGE
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.session import typing_session

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Loopback only, and nothing of the user's own."""
    home = tmp_path_factory.mktemp("home")
    (home / "run").mkdir(mode=0o700)
    own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    return {**os.environ, **own, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@pytest.fixture
def emgtype(environment: dict[str, str], tmp_path: Path) -> Run:
    """Calls the command line as a user would, in an empty folder."""

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "emgtype.cli", *map(str, arguments)]
        return subprocess.run(
            call, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def bundle_with(tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the demo's bundle that states other facts."""

    def copy(name: str, **facts: object) -> Path:
        folder = tmp_path / name
        shutil.copytree(PACKAGE.find("exported/demo"), folder)
        model = onnx.load(folder / "encoder.onnx")
        for entry in model.metadata_props:
            if (fact := entry.key.removeprefix("emgtype.")) in facts:
                entry.value = json.dumps(facts[fact])
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
