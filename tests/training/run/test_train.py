"""A whole training run on a tiny model and simulated sessions: learning, checkpoints, resume, export."""

import contextlib
import dataclasses
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.datasets.dataset import Dataset, SessionEntry
from adapters.datasets.splits import Splits
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from emgtype.datasets.simulated import write_session
from messages.errors import InputError
from messages.model_facts import StftFacts
from simulator.person import make_person
from simulator.session import typing_session
from training.data.frames import CachedFrames, FreshFrames
from training.data.windows import Batch, WholeSessions, WindowDataset, collate
from training.export.checkpoint import TrainedEncoder, load_encoder, write_weights
from training.models.families import encoder_of
from training.models.tds import TDSConfig
from training.recipe.augment import NONE
from training.recipe.losses import TypedKeys
from training.recipe.press_window import press_window_ctc
from training.recipe.settings import PressWindow, TrainSettings, WarmStart, load_settings
from training.run.delay import emission_delay_ms
from training.run.each_user import UserSplits, by_user, train_each
from training.run.module import EncoderModule, labelled_emissions
from training.run.plots import plot_run
from training.run.train import Machine, SessionLists, Start, train

TEXT = ["the cat sat on the mat and the dog sat on the log " * 6]
TINY = TrainSettings(
    model=TDSConfig(mlp_features=16, channels=4), warm_start=WarmStart(), window=4000, past=2048, batch=4, epochs=2
)

QUIET = Machine(progress=False, accelerator="cpu")


def lists(sessions: list[Path]) -> SessionLists:
    return SessionLists(sessions[:1], sessions[1:])


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sessions")
    paths = [folder / f"{donning}.hdf5" for donning in (1, 2)]
    for donning, path in enumerate(paths):
        write_session(path, typing_session(make_person(960), donning, TEXT, 24.0))
    return paths


@pytest.mark.filterwarnings("ignore")  # Lightning's advice about workers and loggers, and its own deprecations
def test_a_run_learns_keeps_checkpoints_and_is_resumed(sessions: list[Path], tmp_path: Path) -> None:
    module = train(lists(sessions), TINY, tmp_path, machine=QUIET)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines if "val_cer" in line] == [0, 1]
    with pytest.raises(InputError, match="already holds a run"):
        train(lists(sessions), TINY, tmp_path, machine=QUIET)
    longer = dataclasses.replace(TINY, epochs=3)
    train(lists(sessions), longer, tmp_path, start=Start(resume=True), machine=QUIET)
    epochs = [json.loads(line)["epoch"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert epochs[-1] == 2
    trained = load_encoder(tmp_path / "checkpoints" / "last.ckpt")
    assert trained.layout == module.layout
    assert trained.epoch == 2


@pytest.mark.filterwarnings("ignore")
def test_the_same_seed_gives_the_same_losses_even_if_resumed(sessions: list[Path], tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, schedule="one_cycle", cache=True, batch=2)

    def losses(run: Path) -> list[tuple[int, float]]:
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        return [(line["epoch"], line["val_cer"]) for line in lines if "val_cer" in line]

    whole = train(lists(sessions), settings, tmp_path / "whole", machine=QUIET)
    with monkeypatched_interrupt(epoch=1), pytest.raises(KeyboardInterrupt):
        train(lists(sessions), settings, tmp_path / "halved", machine=QUIET)
    resumed = train(lists(sessions), settings, tmp_path / "halved", start=Start(resume=True), machine=QUIET)
    other = train(lists(sessions), dataclasses.replace(settings, seed=2), tmp_path / "other", machine=QUIET)
    last = [torch.load(tmp_path / run / "checkpoints" / "last.ckpt")["state_dict"] for run in ("whole", "halved")]
    assert all(torch.equal(a, b) for a, b in zip(last[0].values(), last[1].values(), strict=True))
    assert losses(tmp_path / "whole") == losses(tmp_path / "halved")
    assert state_of(whole) == state_of(resumed) != state_of(other)


@contextlib.contextmanager
def monkeypatched_interrupt(epoch: int) -> Iterator[None]:
    """Ctrl-C in the middle of an epoch."""
    step = EncoderModule.training_step

    def interrupted(self: EncoderModule, batch: Batch, index: int) -> torch.Tensor:
        if self.current_epoch == epoch and index == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EncoderModule, "training_step", interrupted)
        yield


def state_of(module: EncoderModule) -> list[bytes]:
    return [value.numpy().tobytes() for value in module.encoder.state_dict().values()]


@pytest.mark.filterwarnings("ignore")
def test_a_full_disk_leaves_the_last_good_checkpoint(
    sessions: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(lists(sessions), dataclasses.replace(TINY, epochs=1), tmp_path, machine=QUIET)
    last = tmp_path / "checkpoints" / "last.ckpt"
    good = last.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="is full: the last checkpoint"):
        train(lists(sessions), TINY, tmp_path, start=Start(resume=True), machine=QUIET)
    assert last.read_bytes() == good
    assert not list(tmp_path.rglob("*.part"))
    assert load_encoder(last).epoch == 0


@pytest.mark.filterwarnings("ignore")
def test_a_run_starts_from_weights_of_the_same_model(sessions: list[Path], tmp_path: Path) -> None:
    first = train(lists(sessions), dataclasses.replace(TINY, epochs=1), tmp_path / "a", machine=QUIET)
    best = tmp_path / "a" / "checkpoints" / "best.ckpt"
    frozen = dataclasses.replace(TINY, epochs=1, rate=0.0, rate_start=0.0, rate_end=0.0)
    second = train(lists(sessions), frozen, tmp_path / "b", start=Start(init=best), machine=QUIET)
    assert torch.equal(first.encoder.state_dict()["head.weight"], second.encoder.state_dict()["head.weight"])
    other = dataclasses.replace(TINY, model=TDSConfig(mlp_features=12, channels=4))
    with pytest.raises(InputError, match="mlp_features = 16 instead of 12"):
        train(lists(sessions), other, tmp_path / "c", start=Start(init=best), machine=QUIET)


@pytest.mark.filterwarnings("ignore")
def test_a_run_inherits_the_licence_of_its_initial_weights(sessions: list[Path], tmp_path: Path) -> None:
    licensed, run = tmp_path / "theirs.ckpt", tmp_path / "run"
    encoder = encoder_of(TINY.for_frames(LAYOUT, StftFacts()).model)
    write_weights(TrainedEncoder(encoder, LAYOUT, StftFacts(), {}, 0, licence="CC-BY-NC-SA-4.0"), licensed)
    once = dataclasses.replace(TINY, epochs=1)
    train(lists(sessions), once, run, start=Start(init=licensed), machine=QUIET)
    assert load_encoder(run / "checkpoints" / "best.ckpt").licence == "CC-BY-NC-SA-4.0"
    train(lists(sessions), TINY, run, start=Start(resume=True), machine=QUIET)
    assert load_encoder(run / "checkpoints" / "last.ckpt").licence == "CC-BY-NC-SA-4.0"


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_names_every_session_that_it_was_trained_on(sessions: list[Path], tmp_path: Path) -> None:
    before, run = tmp_path / "before.ckpt", tmp_path / "run"
    encoder = encoder_of(TINY.for_frames(LAYOUT, StftFacts()).model)
    write_weights(TrainedEncoder(encoder, LAYOUT, StftFacts(), {}, 0, sessions=("earlier",)), before)
    train(lists(sessions), dataclasses.replace(TINY, epochs=1), run, start=Start(init=before), machine=QUIET)
    all_of_them = {"earlier", *(path.stem for path in sessions)}
    assert set(load_encoder(run / "checkpoints" / "best.ckpt").sessions) == all_of_them
    train(lists(sessions), TINY, run, start=Start(resume=True), machine=QUIET)
    assert set(load_encoder(run / "checkpoints" / "last.ckpt").sessions) == all_of_them


@pytest.mark.filterwarnings("ignore")
def test_mixed_precision_and_a_press_window_learn_too(sessions: list[Path], tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=1, press_window=PressWindow(), warm_start=None, crop=0.3)
    machine = dataclasses.replace(QUIET, precision="bf16-mixed")
    module = train(lists(sessions), settings, tmp_path, machine=machine)
    assert all(torch.isfinite(value).all() for value in module.encoder.state_dict().values())
    assert module.encoder.head.weight.dtype == torch.float32
    lines = (tmp_path / "metrics.jsonl").read_text()
    plot_run(tmp_path / "metrics.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert '"val_cer"' in lines


@pytest.mark.filterwarnings("ignore")
def test_a_model_for_each_user_and_a_failure_stops_no_other_run(sessions: list[Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.hdf5"
    write_session(empty, typing_session(make_person(961), 1, TEXT, 5.0))
    for path in sessions:
        (tmp_path / path.name).symlink_to(path)
    entries = [SessionEntry("00000960", path.stem) for path in sessions] + [SessionEntry("00000961", "empty")]
    dataset = Dataset(tmp_path, entries)
    pairs = [(entry.user, entry.session) for entry in dataset.entries]
    generic = Splits(train=(pairs[0], pairs[2]), val=(pairs[1],), test=())
    assert list(by_user(generic)) == ["00000960"]
    users = {"00000960": Splits((pairs[0],), (pairs[1],), ()), "00000961": Splits((pairs[2],), (pairs[1],), ())}
    sentences: list[str] = []
    quick = dataclasses.replace(TINY, epochs=1)
    failed = train_each(UserSplits(dataset, users), quick, tmp_path / "runs", machine=QUIET, log=sentences.append)
    assert list(failed) == ["00000961"]
    assert "no key presses" in failed["00000961"]
    assert load_encoder(tmp_path / "runs" / "00000960" / "checkpoints" / "best.ckpt").epoch == 0
    assert len(sentences) == 3


def test_sessions_that_do_not_fit_are_refused(sessions: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both for training and for validation"):
        SessionLists(sessions, sessions[1:])
    with pytest.raises(InputError, match="found 2 training and 0 validation sessions"):
        SessionLists(sessions, [])
    with pytest.raises(InputError, match="long enough for a window of 4000 samples"):
        WindowDataset(sessions, dataclasses.replace(TINY, minutes=0.02), StftFacts())
    short = WindowDataset(sessions, dataclasses.replace(TINY, minutes=0.2), StftFacts())
    assert 0 < len(short) < len(WindowDataset(sessions, TINY, StftFacts()))


def test_validation_uses_the_first_minutes_and_their_keys(sessions: list[Path]) -> None:
    samples, labels = WholeSessions(sessions[:1], minutes=0.2)[0]
    everything, typed = WholeSessions(sessions[:1])[0]
    assert len(samples) == 24_000
    assert torch.equal(samples[0:24_000], everything[0:24_000])
    assert 0 < len(labels) < len(typed)
    assert typed[: len(labels)] == labels


def test_validation_in_pieces_equals_validation_of_the_whole(
    sessions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = EncoderModule(TINY, LAYOUT, StftFacts(), 1).eval()
    samples, _ = WholeSessions(sessions[:1], minutes=0.2)[0]
    with torch.no_grad():
        (whole,) = module.emissions(samples)
        monkeypatch.setattr("training.run.module._PIECE", 300)
        monkeypatch.setattr("training.run.module._MARGIN", 7)
        pieces = list(module.emissions(samples))
    assert max(map(len, pieces)) == 300
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=0, atol=1e-4)
    assert not list(module.emissions(samples[0:100]))  # shorter than the receptive field


@pytest.mark.parametrize("delay", [0.0, 0.06, 0.3])
@pytest.mark.parametrize("past", [1800, 2048])
def test_every_key_of_a_press_window_has_emissions_near_it(sessions: list[Path], delay: float, past: int) -> None:
    settings = dataclasses.replace(TINY, press_window=PressWindow(delay, 0.016), past=past)
    windows = WindowDataset(sessions, settings, StftFacts())
    batch = collate([windows[item] for item in range(3 * len(windows))])
    log_probs = torch.full((len(batch.lengths), int(batch.lengths.max()) - 124, 99), 1 / 99).log()
    emissions, lengths, typed = labelled_emissions(log_probs, batch, 124)
    emitted = typed.presses + delay * 125
    present = torch.arange(emitted.shape[1]) < batch.label_lengths[:, None]
    assert ((emitted >= 0) & (emitted <= lengths[:, None] - 1))[present].all()
    assert present.sum() > 50
    for n in range(len(lengths)):  # no window is lost because nothing fits it
        one = slice(n, n + 1)
        keys = TypedKeys(typed.labels[one], typed.lengths[one], typed.presses[one])
        loss = press_window_ctc(emissions[one], lengths[one], keys, delay * 125, 2.0, 98)
        assert loss > 0


@pytest.mark.filterwarnings("ignore")
def test_a_run_is_resumed_with_its_own_settings_alone(sessions: list[Path], tmp_path: Path) -> None:
    one = dataclasses.replace(TINY, epochs=1)
    train(lists(sessions), one, tmp_path, machine=QUIET)
    other = dataclasses.replace(one, rate=1e-4, augmentation=dataclasses.replace(one.augmentation, roll=0))
    with pytest.raises(InputError, match=r"augmentation.roll = 0 instead of 1, rate = 0.0001 instead of 0.001"):
        train(lists(sessions), other, tmp_path, start=Start(resume=True), machine=QUIET)


@pytest.mark.filterwarnings("ignore")
def test_a_run_without_improvement_ends_and_stays_ended(sessions: list[Path], tmp_path: Path) -> None:
    still = dataclasses.replace(TINY, epochs=6, patience=2, rate=0.0, rate_start=0.0, rate_end=0.0)

    def epochs(patience: int) -> int:
        settings = dataclasses.replace(still, patience=patience)
        train(lists(sessions), settings, tmp_path, start=Start(resume=True), machine=QUIET)
        return (tmp_path / "metrics.jsonl").read_text().count("val_cer")

    ended = epochs(patience=2)
    assert 3 <= ended < 6  # no weight moves, but the statistics of BatchNorm settle: that may gain at first
    assert epochs(patience=2) == ended
    assert epochs(patience=3) == ended + 1


@pytest.mark.parametrize("options", [{"precision": "7-bit"}, {"devices": "two"}, {"accelerator": "abacus"}])
def test_a_missing_accelerator_is_refused(sessions: list[Path], tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cannot train with these options"):
        train(lists(sessions), TINY, tmp_path, machine=dataclasses.replace(QUIET, **options))


@pytest.mark.filterwarnings("ignore")
def test_metrics_of_an_interrupted_epoch_are_not_repeated(sessions: list[Path], tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, batch=1)
    train(lists(sessions), dataclasses.replace(settings, epochs=1), tmp_path, machine=QUIET)
    metrics = tmp_path / "metrics.jsonl"
    before = metrics.read_text()
    metrics.write_text(before + json.dumps({"epoch": 1, "step": 10_000, "loss": 1.0}) + '\n{"epoch": 1, "st')
    train(lists(sessions), settings, tmp_path, start=Start(resume=True), machine=QUIET)
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert metrics.read_text().startswith(before)
    assert [line["epoch"] for line in lines if "val_cer" in line] == [0, 1]
    assert max(line["step"] for line in lines) < 10_000


@pytest.mark.parametrize("cache", [False, True])
def test_windows_contain_the_presses_of_their_labelled_part(sessions: list[Path], cache: bool) -> None:
    settings = dataclasses.replace(TINY, cache=cache)
    windows = WindowDataset(sessions, settings, StftFacts())
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
    fresh = FreshFrames(StftFacts()).window(sessions[0], 1600, 9600, NONE, rng)
    cached = CachedFrames(sessions[:1], StftFacts()).window(sessions[0], 1600, 9600, NONE, rng)
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
    ("name", "because"), [("text", "not a checkpoint of"), ("other", "not a checkpoint of"), ("none", "cannot read")]
)
def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path: Path, name: str, because: str) -> None:
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


def test_the_emission_delay_is_the_time_from_press_to_emission(sessions: list[Path]) -> None:
    oracle = LateOracle(sessions[0])
    trained = TrainedEncoder(oracle, LAYOUT, StftFacts(), {}, 0)  # type: ignore[arg-type]
    assert emission_delay_ms(trained, sessions[:1]) == pytest.approx(60, abs=5)
    oracle.keys = []
    with pytest.raises(InputError, match="no key of the sessions that measure"):
        emission_delay_ms(trained, sessions[:1])
