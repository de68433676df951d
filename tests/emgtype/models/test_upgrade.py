"""Bundles of version 3 are refused with the command that brings them up to date, which keeps every weight."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from adapters.bundles.checksums import require_unchanged, sha256
from adapters.bundles.personal_layers import read_person, write_person
from emgtype.models.bundle import open_bundle
from emgtype.models.personal import personal_layer
from emgtype.models.upgrade import upgrade_bundle
from emgtype.places import ENCODERS, PACKAGE
from messages.errors import InputError
from messages.signal import Frames
from streamer.encoder.choice import open_encoder
from streamer.encoder.personal_layer import PersonalLayer
from tests.emgtype.conftest import Run


def as_version_3(path: Path, **provenance: object) -> None:
    """Rewrite the facts of an ONNX file as version 3 stated them: one flat list."""
    model = onnx.load(path)
    facts: dict[str, Any] = {e.key.removeprefix("emgtype."): json.loads(e.value) for e in model.metadata_props}
    encoder, decoder, front_end = facts.pop("encoder"), facts.pop("decoder"), facts.pop("front_end")
    facts |= {name: value for name, value in encoder.items() if name != "kind"}
    facts |= {"streams": encoder["kind"] == "streaming", "classes": decoder["classes"], "blank": decoder["blank"]}
    facts |= {"front_end": front_end.pop("kind"), "stft": front_end, "decoder": decoder["kind"], "version": 3}
    facts["provenance"] |= provenance
    onnx.helper.set_model_props(model, {f"emgtype.{name}": json.dumps(value) for name, value in facts.items()})
    onnx.save(model, path)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The demo's bundle as version 3, with an int8 encoder and a person's layer made of its encoder.onnx."""
    folder = tmp_path / "old"
    shutil.copytree(PACKAGE.find("exported/demo"), folder)
    as_version_3(folder / "encoder.onnx")
    made_of = {"encoder_sha256": sha256(folder / "encoder.onnx")}
    as_version_3(folder / "encoder.int8.onnx", **made_of)
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in ((2, 16, 16), (2, 16, 33), (2, 16, 33))]
    write_person(folder, PersonalLayer("anna", *arrays), {**made_of, "minutes": 3})
    return folder


def test_an_upgraded_bundle_computes_the_same_to_the_last_bit(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    assert upgrade_bundle(str(old), out) == ["encoder.onnx", "encoder.int8.onnx", "persons/anna.npz"]
    frames = np.random.default_rng(2).normal(0, 1, (200, 2, 16, 33)).astype(np.float32)
    for precision, name in ENCODERS.items():
        before, after = onnx.load(old / name), onnx.load(out / name)
        assert before.graph.SerializeToString() == after.graph.SerializeToString()
        bundle = open_bundle(str(out), precision)  # type: ignore[arg-type]
        shipped = open_bundle("demo", precision)  # type: ignore[arg-type]
        log_probs = [
            open_encoder(str(each.encoder), 4, each.facts).push(Frames.complete(frames, np.arange(200.0))).log_probs
            for each in (bundle, shipped)
        ]
        np.testing.assert_array_equal(log_probs[0], log_probs[1])
    layer, origin = read_person(out, "anna")
    before_layer, _ = read_person(old, "anna")
    for array in ("mixing", "scale", "bias"):
        np.testing.assert_array_equal(getattr(layer, array), getattr(before_layer, array))
    assert origin == {"encoder_sha256": sha256(out / "encoder.onnx"), "minutes": 3}
    assert personal_layer(open_bundle(str(out)), "anna").person == "anna"
    for name in ("lm.binary", "lm.flat.npz", "lm.json", "weights.ckpt", "README.md"):
        assert (out / name).read_bytes() == (old / name).read_bytes()
    for path in out.iterdir():
        require_unchanged(path)


def test_an_older_bundle_is_refused_with_the_command(old: Path, emgtype: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"version 3 .* reads 4; .*`emgtype export --upgrade OLD --out NEW`"):
        open_bundle(str(old))
    done = emgtype("export", "--upgrade", old, "--out", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert open_bundle(str(tmp_path / "new")).facts.version == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--upgrade", "demo", "--out", "new"], "states its facts in version 4; expected 3"),
        (["--upgrade", "old", "--out", "old"], "is there already: name a new folder with --out"),
        (["--upgrade", "nowhere", "--out", "new"], "no model bundle 'nowhere'"),
        (["x.ckpt", "--upgrade", "old", "--out", "new"], "--upgrade takes a bundle, no checkpoint"),
        (["--out", "new"], "a checkpoint and --measure SESSION are needed"),
    ],
)
def test_what_cannot_be_upgraded_is_refused(old: Path, emgtype: Run, arguments: list[str], sentence: str) -> None:
    assert old.is_dir()
    done = emgtype("export", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert sentence in done.stderr


def test_an_interrupted_upgrade_leaves_no_bundle(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (old / "persons" / "anna.npz").write_bytes(b"broken")
    with pytest.raises(InputError, match="no personal layer"):
        upgrade_bundle(str(old), tmp_path / "new")
    assert not (tmp_path / "new").exists()
