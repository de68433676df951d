"""Writes the metrics of a run as JSON lines, for plots and for people."""

import json
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

_EVERY_STEPS = 20
_TRAINING = {"ctc", "frame", "loss"}
"""Metrics that are written during an epoch."""


class JsonLines(pl.Callback):
    """Appends {"epoch", "step", metrics...} to a file, every few steps and after each validation."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_start(self, trainer: pl.Trainer, *_rest: Any) -> None:
        """Delete the lines that an interrupted run wrote after its last checkpoint: the resumed run repeats them."""
        if trainer.is_global_zero and self._path.is_file():
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
            valid = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] <= trainer.global_step]
            self._path.write_text("".join(valid), encoding="utf-8")

    def on_train_batch_end(self, trainer: pl.Trainer, *_rest: Any) -> None:
        """Write the losses and the learning rate, every few steps."""
        if trainer.global_step % _EVERY_STEPS == 0:
            self._write(trainer, _TRAINING)

    def on_validation_end(self, trainer: pl.Trainer, *_rest: Any) -> None:
        """Write the validation CER."""
        self._write(trainer, {"val_cer"})

    def _write(self, trainer: pl.Trainer, names: set[str]) -> None:
        if not trainer.is_global_zero:
            return
        metrics = {k: round(float(v), 5) for k, v in trainer.callback_metrics.items() if k in names}
        if names is _TRAINING:
            metrics["rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": trainer.current_epoch, "step": trainer.global_step, **metrics}) + "\n")
