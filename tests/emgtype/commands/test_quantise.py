import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emgtype.config import load_config
from emgtype.evaluation import quantising
from emgtype.evaluation.quantising import quantise
from emgtype.models.bundle import open_bundle
from emgtype.places import PACKAGE
from messages.errors import InputError
from training.export.quantise import dense_layers

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The demo's, without its int8 encoder."""
    shutil.copytree(PACKAGE.find("exported/demo"), tmp_path / "mine")
    (tmp_path / "mine" / "encoder.int8.onnx").unlink()
    return tmp_path / "mine"


def test_it_is_written_with_what_it_costs_and_then_runs(emgtype: Run, bundle: Path, session_file: Path) -> None:
    before = emgtype("replay", session_file, "--fast", "--bundle", bundle, "--precision", "int8")
    assert before.returncode == 2
    assert "has no encoder.int8.onnx: run it in fp32, or make the file with `emgtype quantise`" in before.stderr
    done = emgtype("quantise", bundle, "--calibrate", session_file, "--measure", session_file, "--tolerance", 20)
    assert done.returncode == 0, done.stderr
    assert "greedy" in done.stdout
    assert "95 %" in done.stdout
    assert "encoder.int8.onnx" in (bundle / "SHA256SUMS").read_text()
    small = open_bundle(str(bundle), "int8").facts
    assert small.encoder.precision == "int8"
    found = small.provenance["quantisation"]
    assert found["sessions"] == [session_file.stem]
    replays = {
        precision: json.loads(
            emgtype("replay", session_file, "--fast", "--json", "--bundle", bundle, "--precision", precision).stdout
        )
        for precision in ("fp32", "int8")
    }
    assert replays["int8"]["greedy_cer"] == pytest.approx(found["cer"]["greedy int8"])
    assert replays["fp32"]["greedy_cer"] == pytest.approx(found["cer"]["greedy fp32"])
    assert abs(replays["int8"]["cer"] - replays["fp32"]["cer"]) < 8  # of 70 keys; the shipped one says its own figure


def test_what_was_made_of_another_encoder_is_refused(bundle: Path) -> None:
    shutil.copy(PACKAGE.find("exported/demo") / "encoder.int8.onnx", bundle)
    assert open_bundle(str(bundle), "int8").facts.encoder.precision == "int8"
    shutil.copy(PACKAGE.find("exported/generic") / "encoder.onnx", bundle)
    with pytest.raises(InputError, match=r"made of another encoder\.onnx"):
        open_bundle(str(bundle), "int8")


def test_one_that_costs_too_much_is_not_written(
    bundle: Path, session_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantising, "dense_layers", lambda graph: dense_layers(graph)[:2])
    tried: list[str] = []
    before = sorted(path.name for path in bundle.iterdir())
    with pytest.raises(InputError, match="loses more than -100 points"):
        quantise(open_bundle(str(bundle)), load_config().decoder, [session_file], [session_file], -100.0, tried.append)
    assert tried == ["calibrating", "comparing", "comparing with 1 of 2 dense layers in fp32"]
    assert sorted(path.name for path in bundle.iterdir()) == before
    assert [path.name for path in bundle.parent.glob(".mine-*")] == []


@pytest.mark.parametrize("name", ["demo", "generic"])
def test_the_shipped_ones_say_what_they_cost(name: str) -> None:
    cost = open_bundle(name, "int8").facts.provenance["quantisation"]
    assert cost["keys"] > 5000
    assert max(cost["greedy"]["difference"], cost["live"]["difference"]) <= 0.3
