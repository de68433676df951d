"""Bad input as a user meets it: one sentence, exit code 2, no traceback."""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import zmq

from adapters.lsl.outlet import LSLOutlet
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import scorer_for
from emgtype.places import LM_BINARY, LM_FACTS, PACKAGE
from messages.errors import InputError
from messages.signal import Layout

Run = Callable[..., subprocess.CompletedProcess[str]]
BundleWith = Callable[..., Path]
DEMO = PACKAGE.find("exported/demo")


def refused(run: Run, *arguments: object, because: str) -> None:
    done = run(*arguments)
    said = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert because in done.stderr
    assert said[-1].startswith("emgtype: ")


def edited(session: Path, out: Path, edit: Callable[[h5py.File], None]) -> Path:
    shutil.copy(session, out)
    with h5py.File(out, "r+") as file:
        edit(file)
    return out


def test_no_such_stream(emgtype: Run, tmp_path: Path) -> None:
    (tmp_path / "quick.toml").write_text("[source]\ntimeout_s = 1.0")
    refused(emgtype, "serve", "--config", "quick.toml", "--stream", "nobody", because="nobody")


@pytest.mark.parametrize(
    ("layout", "because"),
    [
        (Layout(2000.0, "uV", ("left",), 8), "8 EMG channels"),
        (Layout(1000.0, "uV", ("left", "right"), 16), "1000 Hz"),
    ],
)
def test_streams_that_do_not_fit(emgtype: Run, layout: Layout, because: str) -> None:
    name = f"test-{uuid.uuid4()}"
    with LSLOutlet(name, layout, name):
        refused(emgtype, "serve", "--stream", name, because=because)


def test_sessions_that_are_none(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    def without_time(file: h5py.File) -> None:
        rows = file["emg2qwerty/timeseries"][:]
        del file["emg2qwerty/timeseries"]
        fields = [(n, rows.dtype[n]) for n in ("emg_right", "emg_left")]
        bare = np.zeros(len(rows), fields)
        file["emg2qwerty"].create_dataset("timeseries", data=bare)

    def with_nan(file: h5py.File) -> None:
        row = file["emg2qwerty/timeseries"][20_000]
        row["emg_left"][3] = np.nan
        file["emg2qwerty/timeseries"][20_000] = row

    def short(file: h5py.File) -> None:
        file["emg2qwerty/timeseries"].resize(2000, axis=0)

    def broken(file: h5py.File) -> None:
        file["emg2qwerty"].attrs["keystrokes"] = '[{"key": '

    cases = {
        "lacks the field time": edited(session_file, tmp_path / "timeless.hdf5", without_time),
        "sample 20000": edited(session_file, tmp_path / "nan.hdf5", with_nan),
        "shorter than the receptive field": edited(session_file, tmp_path / "short.hdf5", short),
        "broken JSON": edited(session_file, tmp_path / "broken.hdf5", broken),
        "no session file": tmp_path / "none.hdf5",
    }
    truncated = tmp_path / "truncated.hdf5"
    truncated.write_bytes(session_file.read_bytes()[:200_000])
    cases["truncated"] = truncated
    for because, path in cases.items():
        refused(emgtype, "replay", path, "--fast", because=because)


def test_bundles_that_do_not_fit(emgtype: Run, session_file: Path, bundle_with: BundleWith) -> None:
    mine = {"rate": 1000.0, "unit": "uV", "sides": ["left", "right"], "electrodes": 16}
    refused(emgtype, "replay", session_file, "--bundle", bundle_with("slow", layout=mine), because="1000 Hz")
    refused(emgtype, "info", bundle_with("newer", version=99), because="99")
    refused(emgtype, "info", bundle_with("other", decoder={"kind": "transducer"}), because="transducer")
    refused(emgtype, "info", "nothing-of-this-name", because="demo")


def test_a_language_model_of_another_alphabet(emgtype: Run, session_file: Path, bundle_with: BundleWith) -> None:
    folder = bundle_with("greek")
    facts = json.loads((folder / "lm.json").read_text())
    facts["tokens"]["a"] = "α"
    (folder / "lm.json").write_text(json.dumps(facts))
    refused(emgtype, "replay", session_file, "--fast", "--bundle", folder, because="another alphabet")


def test_a_damaged_language_model_is_refused_before_kenlm_crashes_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(DEMO, folder)
    model = bytearray((folder / LM_BINARY).read_bytes())
    model[len(model) // 2] ^= 1
    (folder / LM_BINARY).write_bytes(model)
    settings = load_config(flags={"decoder.language_model.backend": "kenlm"}).decoder.language_model
    assert scorer_for(open_bundle("demo"), settings)
    with pytest.raises(InputError, match=r"lm\.binary is damaged: its SHA-256 is .* copy the file again"):
        scorer_for(open_bundle(str(folder)), settings)
    (folder / LM_FACTS).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        open_bundle(str(folder))


def test_an_unknown_setting(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[decoder.beam]\nwdith = 3")
    refused(emgtype, "replay", session_file, because="did you mean 'width'")


def test_a_port_in_use(emgtype: Run) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        refused(emgtype, "serve", "--endpoint", f"tcp://127.0.0.1:{port}", because=str(port))


def test_emissions_that_are_none(emgtype: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "shape.npz", log_probs=np.zeros((5, 27)))
    np.savez(tmp_path / "logits.npz", log_probs=np.zeros((5, 99)))
    np.savez(tmp_path / "names.npz", logits=np.zeros((5, 99)))
    (tmp_path / "text.npz").write_text("hello")
    for name, because in {
        "shape": "(5, 27)",
        "logits": "sums to 99",
        "names": "holds logits",
        "text": "cannot read",
        "none": "cannot read",
    }.items():
        refused(emgtype, "decode", tmp_path / f"{name}.npz", because=because)


def test_contradicting_flags(emgtype: Run) -> None:
    refused(emgtype, "simulate", because="nothing to do")
    refused(emgtype, "simulate", "--stream", "a", "--bands", "b", "c", because="choose one stream or two")
    refused(emgtype, "simulate", "--text", "none.txt", "--out", "x.hdf5", because="none.txt")


def test_training_without_its_extra(environment: dict[str, str], session_file: Path, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    call = [sys.executable, "-m", "emgtype.cli", "train", "--sessions", str(session_file)]
    done = subprocess.run(
        [*call, "--validation", str(session_file), "--out", "run"],
        env={**environment, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'emgtype[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_language_model_that_is_none_is_refused_before_anything_is_written(
    emgtype: Run, tmp_path: Path, session_file: Path
) -> None:
    out, empty = tmp_path / "new", tmp_path / "empty"
    empty.mkdir()
    arguments = (DEMO / "weights.ckpt", "--out", out, "--measure", session_file, "--lm", empty)
    refused(emgtype, "export", *arguments, because="holds no lm.binary")
    assert not out.exists()
