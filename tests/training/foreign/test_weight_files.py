"""Files and folders of weights: saved configs, refusals, and the licence of the bundle."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from emgtype.commands.import_ import command
from emgtype.commands.info import command as info
from messages.errors import InputError
from streamer.encoder.choice import open_encoder
from training.export.checkpoint import load_encoder
from training.foreign._encoders import NAMINGS
from training.foreign.weight_files import read_foreign
from training.models.tds import TDSConfig, TDSEncoder

SIZES = TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=12, channels=4, blocks=2, kernel=8)


def braindecode_state() -> dict[str, torch.Tensor]:
    naming = next(naming for naming in NAMINGS if naming.program == "braindecode")
    state = TDSEncoder(SIZES).state_dict()
    return {
        naming.foreign_name(name): value for name, value in state.items() if not name.endswith("num_batches_tracked")
    }


def test_a_broken_folder_or_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="save_pretrained"):
        read_foreign(tmp_path)
    (tmp_path / "model.safetensors").write_text("no")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_foreign(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_foreign(tmp_path)


def saved_folder(tmp_path: Path, **settings: Any) -> Path:
    folder = tmp_path / "saved"
    folder.mkdir()
    torch.save(braindecode_state(), folder / "pytorch_model.bin")
    sizes = {
        "mlp_features": [SIZES.mlp_features],
        "block_channels": [SIZES.channels] * SIZES.blocks,
        "kernel_width": SIZES.kernel,
    }
    (folder / "config.json").write_text(json.dumps(sizes | settings))
    return folder


def test_the_settings_of_a_saved_config_go_into_the_bundle(tmp_path: Path) -> None:
    folder = saved_folder(
        tmp_path, sfreq=1000.0, log_eps=1e-5, pooling="max", n_time_masks=3, activation="torch.nn.modules.ReLU"
    )
    arguments = [str(folder), "--out", str(tmp_path / "theirs"), "--name", "max", "--licence", "CC-BY-4.0"]
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    facts = open_encoder(str(tmp_path / "theirs" / "encoder.onnx"), 4).facts
    assert (facts.name, facts.layout.rate, facts.front_end.floor) == ("max", 1000.0, 1e-5)
    assert facts.licence_note == "CC-BY-4.0"
    imported = load_encoder(tmp_path / "theirs")
    assert imported.licence == "CC-BY-4.0"
    assert imported.encoder.to_dict()["pooling"] == "max"


def test_a_config_that_its_weights_contradict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="states blocks 4 instead of 2"):
        read_foreign(saved_folder(tmp_path, block_channels=[SIZES.channels] * 4))


def test_info_states_that_weights_are_not_for_commercial_use(tmp_path: Path) -> None:
    torch.save(braindecode_state(), tmp_path / "weights.pt")
    out = str(tmp_path / "theirs")
    CliRunner().invoke(command, [str(tmp_path / "weights.pt"), "--out", out], catch_exceptions=False)
    output = CliRunner().invoke(info, [out, "--json"], catch_exceptions=False)
    assert json.loads(output.stdout)["weights"] == "CC-BY-NC-SA-4.0, non-commercial use only"
    assert "weights" not in json.loads(CliRunner().invoke(info, ["demo", "--json"]).stdout)
