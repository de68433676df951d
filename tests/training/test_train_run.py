"""A whole training run on a tiny model and simulated sessions: learning, checkpoints, resume, export."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from adapters.session_format import LAYOUT
from adapters.session_reader import SessionReader
from decoder.errors import InputError
from emgtype.simulated import write_session
from simulator.person import make_person
from simulator.session import typing_session
from streamer.spectrogram import StftConstants
from training.augment import NONE
from training.checkpoint import TrainedEncoder, load_encoder
from training.data import WindowDataset, collate
from training.delay import emission_delay_ms
from training.frames import CachedFrames, FreshFrames
from training.settings import TrainSettings, WarmStart, load_settings
from training.tds import TDSConfig
from training.train import train

TEXT = ["the cat sat on the mat and the dog sat on the log " * 6]
TINY = TrainSettings(
    model=TDSConfig(mlp_features=16, channels=4), warm_start=WarmStart(), window=4000, past=2048, batch=4, epochs=2
)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sessions")
    paths = [folder / f"{donning}.hdf5" for donning in (1, 2)]
    for donning, path in enumerate(paths):
        write_session(path, typing_session(make_person(960), donning, TEXT, 24.0))
    return paths


@pytest.mark.filterwarnings("ignore")  # Lightning's advice about workers and loggers, and its own deprecations
def test_a_run_learns_keeps_checkpoints_and_goes_on(sessions: list[Path], tmp_path: Path) -> None:
    module = train(sessions[:1], sessions[1:], TINY, tmp_path, progress=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if "val_cer" in line] == [0, 1]
    with pytest.raises(InputError, match="already holds a run"):
        train(sessions[:1], sessions[1:], TINY, tmp_path, progress=False)
    longer = dataclasses.replace(TINY, epochs=3)
    train(sessions[:1], sessions[1:], longer, tmp_path, resume=True, progress=False)
    epochs = [json.loads(line)["epoch"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert epochs[-1] == 2
    trained = load_encoder(tmp_path / "checkpoints" / "last.ckpt")
    assert trained.layout == module.layout
    assert trained.epoch == 2


@pytest.mark.parametrize("cache", [False, True])
def test_windows_hold_the_presses_of_their_labelled_part(sessions: list[Path], cache: bool) -> None:
    settings = dataclasses.replace(TINY, cache=cache)
    windows = WindowDataset(sessions, settings, StftConstants())
    for index in range(len(windows)):
        window = windows[index]
        assert len(window.labels) == len(window.presses)
        assert ((window.presses > -5) & (window.presses < len(window.frames))).all()
    batch = collate([windows[0], windows[1]])
    assert batch.frames.shape[0] == 2
    assert batch.frames.shape[2:] == (2, 16, 33)
    assert (batch.label_lengths <= batch.labels.shape[1]).all()


def test_fresh_and_cached_frames_agree(sessions: list[Path]) -> None:
    rng = torch.Generator().manual_seed(0)
    fresh = FreshFrames(StftConstants()).window(sessions[0], 1600, 9600, NONE, rng)
    cached = CachedFrames(sessions[:1], StftConstants()).window(sessions[0], 1600, 9600, NONE, rng)
    assert fresh.shape == cached.shape
    assert (fresh - cached).abs().median() < 2e-3  # float16


def test_presets_load_and_unknown_settings_are_named(tmp_path: Path) -> None:
    assert load_settings("reference").model == TDSConfig()
    assert load_settings("compact").warm_start is not None
    (tmp_path / "mine.toml").write_text("epoks = 3")
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        load_settings(str(tmp_path / "mine.toml"))
    with pytest.raises(InputError, match=r"compact, .*reference"):
        load_settings("nothing")


@pytest.mark.parametrize(
    ("name", "because"), [("text", "no checkpoint of"), ("other", "no checkpoint of"), ("none", "cannot read")]
)
def test_what_is_no_checkpoint_is_told(tmp_path: Path, name: str, because: str) -> None:
    (tmp_path / "text.ckpt").write_text("hello")
    torch.save({"weights": 1}, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=because):
        load_encoder(tmp_path / f"{name}.ckpt")


class LateOracle(torch.nn.Module):
    """Emits every key of a session 60 ms after its press, for one frame."""

    def __init__(self, session: Path) -> None:
        super().__init__()
        self.config = TDSConfig()
        self.context = self.config.receptive_field - 1
        with SessionReader(session) as opened:
            self.start = opened.start
            self.keys = [(k.start, k.label) for k in opened.keystrokes if k.label is not None]

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(1, frames.shape[1] - self.context, self.config.classes)
        logits[..., -1] = 5.0
        for press, label in self.keys:
            newest_sample = (press + 0.060 - self.start) * 2000
            logits[0, round((newest_sample - 63) / 16) - self.context, label] = 9.0
        return logits.log_softmax(-1)


def test_emission_delay_is_from_press_to_emission(sessions: list[Path]) -> None:
    oracle = LateOracle(sessions[0])
    trained = TrainedEncoder(oracle, LAYOUT, StftConstants(), {}, 0)  # type: ignore[arg-type]
    assert emission_delay_ms(trained, sessions[:1]) == pytest.approx(60, abs=5)
    oracle.keys = []
    with pytest.raises(InputError, match="not one key"):
        emission_delay_ms(trained, sessions[:1])
