"""A training run: data, Lightning's trainer, checkpoints and resuming."""

import errno
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from adapters.sessions.reader import SessionReader
from messages.errors import InputError
from messages.model_facts import StftFacts
from training.data.order import EpochOrder
from training.data.windows import TrainingWindow, WholeSessions, WindowDataset, collate
from training.export.checkpoint import load_encoder
from training.recipe.settings import TrainSettings
from training.run._metrics import JsonLines
from training.run._saving import WholeCheckpoints, disk_full
from training.run.module import EncoderModule


@dataclass(frozen=True, slots=True)
class SessionLists:
    """The session files of a run.

    Raises:
        InputError: A list is empty, or a session is in both.
    """

    training: Sequence[Path]
    """Sessions to train on."""
    validation: Sequence[Path]
    """Sessions that choose the best epoch."""

    def __post_init__(self) -> None:
        if not self.training or not self.validation:
            raise InputError(
                f"found {len(self.training)} training and {len(self.validation)} validation sessions: name at least "
                "one of each"
            )
        both = {path.resolve() for path in self.training} & {path.resolve() for path in self.validation}
        if both:
            raise InputError(
                f"{min(both)} is listed both for training and for validation: take it out of one of the two lists"
            )


@dataclass(frozen=True, slots=True)
class Start:
    """The starting point of a run."""

    resume: bool = False
    """True: continue from the last checkpoint of the run's folder, if there is one."""
    init: Path | None = None
    """Checkpoint or bundle whose weights the run starts from; None: random weights."""
    teacher: Path | None = None
    """Checkpoint or bundle whose emissions the run imitates; None: no teacher."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware that a run uses, and its reports; Lightning, which gets the values, accepts more of them."""

    accelerator: str = "auto"
    devices: str = "auto"
    """Number of accelerators on each node, or "auto"."""
    nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    """Also "bf16-mixed" or "16-mixed"."""
    workers: int = 0
    """Processes that read windows; 0: the run itself reads them."""
    wandb: str | None = None
    """Project of Weights & Biases that gets the metrics too; None: none."""
    progress: bool = True
    """True: show a progress bar."""


class _Patience(EarlyStopping):
    """Ends a run whose validation CER no longer improves; a run that was ended so stays ended when it is resumed."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # A resumed run may have more patience than the run had.
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: pl.Trainer, *_rest: Any) -> None:
        trainer.should_stop = self.wait_count >= self.patience


def train(
    sessions: SessionLists,
    settings: TrainSettings,
    out: Path,
    *,
    start: Start | None = None,
    machine: Machine | None = None,
) -> EncoderModule:
    """Train an encoder and return the model with the lowest greedy CER on the validation sessions.

    Checkpoints lie in `out`/checkpoints: `last.ckpt` after every epoch, and the best one. Ctrl-C ends the run with the
    result of the last epoch; resumed from there, it has the same losses as if it had never stopped.

    Args:
        sessions: Session files.
        settings: The recipe.
        out: Folder of the run.
        start: Starting point; None: random weights in an empty folder.
        machine: Hardware; None: chosen by Lightning.

    Raises:
        InputError: A session does not fit; `out` holds a run and is not to be resumed, or holds a run of other
            settings; the initial weights are of another model; or the disk is full.
    """
    start, machine, stft = start or Start(), machine or Machine(), StftFacts()
    last = out / "checkpoints" / "last.ckpt"
    resumed = last.exists()
    if resumed and not start.resume:
        raise InputError(f"{out} already holds a run: continue it with --resume, or name another folder")
    with SessionReader(sessions.training[0]) as first:
        layout = first.layout
    settings = settings.for_frames(layout, stft)
    if resumed:
        _check_same_recipe(load_encoder(last).settings, settings, out)
    pl.seed_everything(settings.seed, verbose=False)
    windows = WindowDataset(sessions.training, settings, stft)
    best = ModelCheckpoint(out / "checkpoints", "best", monitor="val_cer", enable_version_counter=False)
    trainer = make_trainer(machine, _callbacks(best, settings, out), settings, out)
    loader = _window_loader(windows, settings, trainer.world_size, machine.workers)
    module = EncoderModule(settings, layout, stft, total_steps=len(loader) * settings.epochs)
    module.sessions = tuple(sorted({path.stem for path in (*sessions.training, *sessions.validation)}))
    if start.init is not None:
        _start_from(start.init, module)
    if start.teacher is not None:
        module.learn_from(load_encoder(start.teacher))
    validation = DataLoader(WholeSessions(sessions.validation, settings.validate_minutes), batch_size=None)
    _fit(trainer, module, (loader, validation), out, last if resumed else None)
    if Path(best.best_model_path).is_file():
        module.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    return module.eval()


def _callbacks(best: ModelCheckpoint, settings: TrainSettings, out: Path) -> list[pl.Callback]:
    # The last checkpoint is written after every epoch, whether the CER is better or not.
    last = ModelCheckpoint(out / "checkpoints", "last", enable_version_counter=False)
    callbacks: list[pl.Callback] = [best, last, LearningRateMonitor("step"), JsonLines(out / "metrics.jsonl")]
    if settings.patience:
        callbacks.append(_Patience("val_cer", patience=settings.patience))
    return callbacks


def _window_loader(
    windows: WindowDataset, settings: TrainSettings, processes: int, workers: int
) -> DataLoader[TrainingWindow]:
    order = EpochOrder(len(windows), settings.seed, processes)
    return DataLoader(
        windows,
        settings.batch,
        sampler=order,
        drop_last=len(order) > settings.batch,
        collate_fn=collate,
        num_workers=workers,
    )


def _fit(
    trainer: pl.Trainer, module: EncoderModule, loaders: tuple[Any, Any], out: Path, checkpoint: Path | None
) -> None:
    """Train and validate; `loaders` are those of training and validation."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, *loaders, ckpt_path=checkpoint)
    except SystemExit:
        # Lightning answers Ctrl-C by SystemExit, and then ignores further ones.
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise disk_full(out) from None


def make_trainer(machine: Machine, callbacks: list[pl.Callback], settings: TrainSettings, out: Path) -> pl.Trainer:
    """Make Lightning's trainer for a run in `out`; raises InputError where the machine lacks a requested device."""
    # Some of CUDA's kernels (CTC's gradient among them) have no deterministic form: Lightning then warns which.
    exact = machine.accelerator == "cpu" or not torch.cuda.is_available()
    try:
        return pl.Trainer(
            accelerator=machine.accelerator,
            devices=_number(machine.devices),
            num_nodes=machine.nodes,
            strategy=machine.strategy,
            precision=machine.precision,  # type: ignore[arg-type]  # Lightning checks the text
            max_epochs=settings.epochs,
            callbacks=[*callbacks, RichProgressBar()] if machine.progress else callbacks,
            logger=_loggers(out, machine),
            plugins=[WholeCheckpoints()],
            gradient_clip_val=settings.clip or None,
            enable_progress_bar=machine.progress,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            deterministic=True if exact else "warn",
            # EpochOrder distributes the windows; every process validates on all sessions.
            use_distributed_sampler=False,
        )
    except (TypeError, ValueError, MisconfigurationException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"this machine cannot train with these options: {reason}; change the option") from None


def _check_same_recipe(before: Mapping[str, Any], settings: TrainSettings, out: Path) -> None:
    """Refuse to resume with another recipe than the run began with; settings of its end alone may change."""
    free = {"patience"} if settings.schedule == "one_cycle" else {"patience", "epochs"}
    differences = [text for name, text in _differences(before, asdict(settings)).items() if name not in free]
    if differences:
        values = ", ".join(differences)
        raise InputError(
            f"{out} holds a run with other settings ({values}): resume with the settings of the run, or name a new "
            "folder"
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> dict[str, str]:
    """Describe the settings that differ, by name; settings that `before` lacks (older versions do) are skipped."""
    differences: dict[str, str] = {}
    for name in now:
        if name not in before or before[name] == now[name]:
            continue
        if isinstance(before[name], Mapping) and isinstance(now[name], Mapping):
            differences |= _differences(before[name], now[name], f"{where}{name}.")
        else:
            differences[f"{where}{name}"] = f"{where}{name} = {now[name]} instead of {before[name]}"
    return differences


def _start_from(init: Path, module: EncoderModule) -> None:
    """Copy the weights of a checkpoint or bundle into the module, with their licence and sessions."""
    initial = load_encoder(init)
    initial_sizes, sizes = initial.encoder.to_dict(), module.encoder.to_dict()
    if initial_sizes != sizes:
        differing = [key for key in sizes if initial_sizes.get(key) != sizes[key]]
        values = ", ".join(f"{key} = {initial_sizes.get(key)!r} instead of {sizes[key]!r}" for key in differing)
        raise InputError(
            f"the weights of {init} are of another model ({values}): change the settings, or name other weights"
        )
    if (initial.layout, initial.stft) != (module.layout, module.stft):
        raise InputError(
            f"the weights of {init} are for {initial.layout}, the sessions are {module.layout}: name other weights"
        )
    module.encoder.load_state_dict(initial.encoder.state_dict())
    module.licence = initial.licence
    module.sessions = tuple(sorted({*module.sessions, *initial.sessions}))


def _loggers(out: Path, machine: Machine) -> list[Logger]:
    loggers: list[Logger] = [TensorBoardLogger(out, name="tensorboard", version="")]
    if machine.wandb:
        from lightning.pytorch.loggers import WandbLogger  # noqa: PLC0415 - an optional package

        try:
            loggers.append(WandbLogger(project=machine.wandb, save_dir=out))
        except ModuleNotFoundError:
            raise InputError("--wandb needs the package wandb, which is not installed: pip install wandb") from None
    return loggers


def _number(devices: str) -> Any:
    return int(devices) if devices.lstrip("-").isdecimal() else devices
