"""One training run: data, Lightning's trainer, checkpoints and resume."""

from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from adapters.session_reader import SessionReader
from decoder.errors import InputError
from streamer.spectrogram import StftConstants
from training.data import WholeSessions, WindowDataset, collate
from training.metrics import JsonLines
from training.module import EncoderModule
from training.settings import TrainSettings


def train(
    sessions: Sequence[Path],
    validation: Sequence[Path],
    settings: TrainSettings,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = True,
) -> EncoderModule:
    """Train an encoder on sessions; the model with the lowest greedy CER on `validation` comes back.

    Checkpoints lie in `out`/checkpoints: `last.ckpt` after every epoch and the best one. Ctrl-C ends the run with a
    checkpoint that `resume` goes on from.

    Raises:
        InputError: No session, or `out` holds a run and `resume` was not asked for.
    """
    if not sessions or not validation:
        raise InputError(
            f"found {len(sessions)} training and {len(validation)} validation sessions: name at least one of each"
        )
    checkpoints = out / "checkpoints"
    last = checkpoints / "last.ckpt"
    if last.exists() and not resume:
        raise InputError(f"{out} already holds a run: go on with --resume, or name another folder")
    pl.seed_everything(settings.seed, verbose=False)
    with SessionReader(sessions[0]) as first:
        layout = first.layout
    stft = StftConstants()
    windows = WindowDataset(sessions, settings, stft)
    loader = DataLoader(
        windows, settings.batch, shuffle=True, drop_last=len(windows) > settings.batch, collate_fn=collate
    )
    whole = DataLoader(WholeSessions(validation), batch_size=None)
    module = EncoderModule(settings, layout, stft, total_steps=len(loader) * settings.epochs)
    best = ModelCheckpoint(checkpoints, "best", monitor="val_cer", enable_version_counter=False)
    newest = ModelCheckpoint(checkpoints, "last", enable_version_counter=False)  # after every epoch, better or not
    callbacks: list[pl.Callback] = [best, newest, LearningRateMonitor("step"), JsonLines(out / "metrics.jsonl")]
    trainer = pl.Trainer(
        max_epochs=settings.epochs,
        callbacks=[*callbacks, RichProgressBar()] if progress else callbacks,
        logger=TensorBoardLogger(out, name="tensorboard", version=""),
        gradient_clip_val=settings.clip or None,
        enable_progress_bar=progress,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        deterministic=True,
    )
    trainer.fit(module, loader, whole, ckpt_path=last if resume and last.exists() else None)
    if best.best_model_path:
        module.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    return module.eval()
