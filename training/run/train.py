"""One training run: data, Lightning's trainer, checkpoints and resume."""

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

from messages.errors import InputError
from messages.model_facts import StftFacts
from training.data.order import EpochOrder
from training.data.windows import WholeSessions, WindowDataset, collate
from training.export.checkpoint import load_encoder
from training.recipe.settings import TrainSettings
from training.run.metrics import JsonLines
from training.run.module import EncoderModule
from training.run.saving import WholeCheckpoints, disk_full


@dataclass(frozen=True, slots=True)
class Machine:
    """On what a run computes and to whom it reports; passed through to Lightning, which knows more values."""

    accelerator: str = "auto"
    devices: str = "auto"
    """How many of them on each node."""
    nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    """Also "bf16-mixed" or "16-mixed"."""
    workers: int = 0
    """Processes that read windows; 0: the run itself."""
    wandb: str | None = None
    """Project of Weights & Biases that is told too."""
    progress: bool = True


class _Patience(EarlyStopping):
    """Ends a run whose validation CER gets no better; one that it has ended stays so when gone on with."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "patience": self.patience})  # a resumed run may be given more

    def on_train_start(self, trainer: pl.Trainer, *_rest: Any) -> None:
        trainer.should_stop = self.wait_count >= self.patience


def train(
    sessions: Sequence[Path],
    validation: Sequence[Path],
    settings: TrainSettings,
    out: Path,
    *,
    resume: bool = False,
    init: Path | None = None,
    teacher: Path | None = None,
    machine: Machine | None = None,
) -> EncoderModule:
    """Train an encoder on sessions; the model with the lowest greedy CER on `validation` comes back.

    Checkpoints lie in `out`/checkpoints: `last.ckpt` after every epoch and the best one. Ctrl-C ends the run with what
    the last epoch left, from which `resume` goes on with the same losses as if it had never stopped.

    Args:
        sessions: Files to train on.
        validation: Files that choose the best epoch.
        settings: The recipe.
        out: Folder of the run.
        resume: Go on from the last checkpoint in `out`, where there is one.
        init: Checkpoint or bundle whose weights the run starts from.
        teacher: Checkpoint or bundle whose emissions the run imitates.
        machine: Where it computes.

    Raises:
        InputError: No session, one that is in both lists or does not fit, `out` holds a run and `resume` was not asked
            for, or holds one of other settings, other weights than the settings' model, or a full disk.
    """
    machine = machine or Machine()
    _check(sessions, validation)
    checkpoints = out / "checkpoints"
    last = checkpoints / "last.ckpt"
    if last.exists():
        if not resume:
            raise InputError(f"{out} already holds a run: go on with --resume, or name another folder")
        _check_goes_on(load_encoder(last).settings, settings, out)
    pl.seed_everything(settings.seed, verbose=False)
    stft = StftFacts()
    windows = WindowDataset(sessions, settings, stft)
    assert windows.layout is not None  # a window is of a session
    best = ModelCheckpoint(checkpoints, "best", monitor="val_cer", enable_version_counter=False)
    newest = ModelCheckpoint(checkpoints, "last", enable_version_counter=False)  # after every epoch, better or not
    callbacks: list[pl.Callback] = [best, newest, LearningRateMonitor("step"), JsonLines(out / "metrics.jsonl")]
    if settings.patience:
        callbacks.append(_Patience("val_cer", patience=settings.patience))
    trainer = make_trainer(machine, callbacks, settings, out)
    order = EpochOrder(len(windows), settings.seed, trainer.world_size)
    loader = DataLoader(
        windows,
        settings.batch,
        sampler=order,
        drop_last=len(order) > settings.batch,
        collate_fn=collate,
        num_workers=machine.workers,
    )
    whole = DataLoader(WholeSessions(validation, settings.validate_minutes), batch_size=None)
    module = EncoderModule(settings, windows.layout, stft, total_steps=len(loader) * settings.epochs)
    module.sessions = tuple(sorted({path.stem for path in (*sessions, *validation)}))
    if init is not None:
        _start_from(init, module)
    if teacher is not None:
        module.learn_from(load_encoder(teacher))
    heard = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, loader, whole, ckpt_path=last if resume and last.exists() else None)
    except SystemExit:  # how Lightning answers Ctrl-C, after which it goes deaf to it
        signal.signal(signal.SIGINT, heard)
        raise KeyboardInterrupt from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise disk_full(out) from None
    if Path(best.best_model_path).is_file():
        module.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    return module.eval()


def make_trainer(machine: Machine, callbacks: list[pl.Callback], settings: TrainSettings, out: Path) -> pl.Trainer:
    """Lightning's trainer for a run in `out`; raises InputError where the machine has not what was asked for."""
    # Some of CUDA's kernels (CTC's gradient among them) have no deterministic form: there Lightning tells which.
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
            use_distributed_sampler=False,  # EpochOrder deals the windows out; every process validates on all sessions
        )
    except (TypeError, ValueError, MisconfigurationException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"this machine cannot train as asked for: {reason}; change the option") from None


def _check_goes_on(before: Mapping[str, Any], settings: TrainSettings, out: Path) -> None:
    """Refuse to resume with another recipe than the run began with; what only says when to stop may change."""
    free = {"patience"} if settings.schedule == "one_cycle" else {"patience", "epochs"}
    changed = [text for name, text in _changes(before, asdict(settings)).items() if name not in free]
    if changed:
        values = ", ".join(changed)
        raise InputError(f"{out} holds a run with other settings ({values}): resume with its own, or name a new folder")


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> dict[str, str]:
    """What differs, by name; what only one of them knows (checkpoints of older versions do not) is passed over."""
    found: dict[str, str] = {}
    for name in now:
        if name not in before or before[name] == now[name]:
            continue
        if isinstance(before[name], Mapping) and isinstance(now[name], Mapping):
            found |= _changes(before[name], now[name], f"{where}{name}.")
        else:
            found[f"{where}{name}"] = f"{where}{name} = {now[name]} instead of {before[name]}"
    return found


def _check(sessions: Sequence[Path], validation: Sequence[Path]) -> None:
    if not sessions or not validation:
        raise InputError(
            f"found {len(sessions)} training and {len(validation)} validation sessions: name at least one of each"
        )
    both = {path.resolve() for path in sessions} & {path.resolve() for path in validation}
    if both:
        raise InputError(
            f"{min(both)} is to train and to validate: expected each session in one of the two; take it out of one"
        )


def _start_from(init: Path, module: EncoderModule) -> None:
    found = load_encoder(init)
    theirs, ours = found.encoder.to_dict(), module.encoder.to_dict()
    if theirs != ours:
        differing = [key for key in ours if theirs.get(key) != ours[key]]
        values = ", ".join(f"{key} = {theirs.get(key)!r} instead of {ours[key]!r}" for key in differing)
        raise InputError(f"the weights of {init} are of another model ({values}): change the settings, or name others")
    if (found.layout, found.stft) != (module.layout, module.stft):
        raise InputError(f"the weights of {init} are for {found.layout}, the sessions are {module.layout}: name others")
    module.encoder.load_state_dict(found.encoder.state_dict())
    module.licence = found.licence
    module.sessions = tuple(sorted({*module.sessions, *found.sessions}))


def _loggers(out: Path, machine: Machine) -> list[Logger]:
    loggers: list[Logger] = [TensorBoardLogger(out, name="tensorboard", version="")]
    if machine.wandb:
        from lightning.pytorch.loggers import WandbLogger  # noqa: PLC0415 - an optional package

        try:
            loggers.append(WandbLogger(project=machine.wandb, save_dir=out))
        except ModuleNotFoundError:
            raise InputError(
                "Weights & Biases was asked for and its package is not installed: pip install wandb"
            ) from None
    return loggers


def _number(devices: str) -> Any:
    return int(devices) if devices.lstrip("-").isdecimal() else devices
