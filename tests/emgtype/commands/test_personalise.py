"""`emgtype personalise` as a user calls it, and the person's layer as serve and replay pick it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapters.sessions.format import LAYOUT
from emgtype.datasets.simulated import write_session
from emgtype.texts import load_text
from messages.model_facts import StftFacts
from simulator.person import make_person
from simulator.session import typing_session
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import WEIGHTS, TrainedEncoder, write_weights
from training.models.tds import TDSConfig, TDSEncoder

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with weights, quickly made: it knows nothing yet."""
    torch.manual_seed(1)
    config = TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=12, channels=4, kernel=8, blocks=2)
    encoder = TDSEncoder(config).eval()
    folder = tmp_path_factory.mktemp("models") / "base"
    trained = TrainedEncoder(encoder, LAYOUT, StftFacts(), {}, 0)
    facts = facts_of(trained, name="base", hop=4, provenance={})
    export_bundle(encoder, folder, facts, "# base\n")
    write_weights(trained, folder / WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sessions") / "typed.hdf5"
    write_session(path, typing_session(make_person(960), 1, load_text("demo"), 40.0))
    return path


def test_a_layer_is_made_and_picked_and_strangers_are_told_whom_there_is(
    emgtype: Run, emgtype_process: Run, base: Path, typed: Path, tmp_path: Path
) -> None:
    call = ["personalise", "--base", base, "--session", typed, "--out", "mine", "--method", "layer", "--person", "anna"]
    done = emgtype_process(*call, "--steps", "2", "--force", "--json", timeout=250)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["out"] == "mine"
    assert report["after"] <= report["before"]
    assert (tmp_path / "mine" / "encoder.onnx").read_bytes() == (base / "encoder.onnx").read_bytes()
    assert "Traceback" not in done.stderr
    replayed = emgtype("replay", typed, "--fast", "--json", "--bundle", "mine", "--person", "anna")
    assert replayed.returncode == 0, replayed.stderr
    assert "personal" in json.loads(replayed.stdout)["stages_ms"]
    for command in (["replay", typed, "--fast"], ["serve", "--stream", "nobody"]):
        refused = emgtype(*command, "--bundle", "mine", "--person", "carl")
        assert refused.returncode == 2
        assert "no layer for the person 'carl': it knows anna" in refused.stderr


def test_what_gained_nothing_is_not_written(emgtype_process: Run, base: Path, typed: Path, tmp_path: Path) -> None:
    done = emgtype_process(
        "personalise",
        "--base",
        base,
        "--session",
        typed,
        "--out",
        "mine",
        "--steps",
        "1",
        "--rate",
        "1e-12",
        timeout=250,
    )
    assert done.returncode == 2
    assert "nothing was written" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "mine").exists()


def test_ctrl_c_ends_the_training_and_what_it_had_is_kept(
    environment: dict[str, str], base: Path, typed: Path, tmp_path: Path
) -> None:
    call = ["personalise", "--base", str(base), "--session", str(typed), "--out", "mine", "--steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "emgtype.cli", *call, "--method", "head", "--rate", "1e-12", "--force"],
        env={**environment, "FORCE_COLOR": "1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        said = b""
        while b"CER" not in said:  # it trains
            part = os.read(process.stderr.fileno(), 4096)
            assert part, said
            said += part
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said + rest
    assert b"Traceback" not in rest
    assert b"use it with --bundle mine" in out
    assert (tmp_path / "mine" / "encoder.onnx").is_file()
