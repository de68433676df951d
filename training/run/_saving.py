"""Checkpoints that a full disk cannot spoil: written beside their place, and moved there when whole."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from messages.errors import InputError


class WholeCheckpoints(TorchCheckpointIO):
    """Keeps the last good checkpoint until the next one is complete."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; raises InputError where the disk is full, and leaves what was there before."""
        target = Path(path)
        half = target.with_name(f"{target.name}.part")
        data = io.BytesIO()
        torch.save(checkpoint, data)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with half.open("wb") as file:
                file.write(data.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            half.replace(target)
        except OSError as error:
            half.unlink(missing_ok=True)
            if error.errno != errno.ENOSPC:
                raise
            raise disk_full(target.parent) from None


def disk_full(folder: Path) -> InputError:
    """The sentence for a full disk."""
    return InputError(
        f"the disk with {folder} is full: the last good checkpoint, if there is one, is whole; "
        "make room, then go on with --resume"
    )
