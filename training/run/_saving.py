"""Checkpoints that a full disk cannot spoil: written to a file beside the old one, which then replaces it."""

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
        """Write a checkpoint.

        Raises:
            InputError: The disk is full; the checkpoint that was there before is unchanged.
        """
        target = Path(path)
        partial = target.with_name(f"{target.name}.part")
        data = io.BytesIO()
        torch.save(checkpoint, data)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(data.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            if error.errno != errno.ENOSPC:
                raise
            raise disk_full(target.parent) from None


def disk_full(folder: Path) -> InputError:
    """Return the error for a full disk."""
    return InputError(
        f"the disk with {folder} is full: the last checkpoint, if there is one, is intact; make room, then continue "
        "with --resume"
    )
