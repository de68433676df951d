"""Losses: CTC, and the frame-wise warm start that uses the known press times."""

import torch
import torch.nn.functional as nnf
from torch import Tensor


def ctc(log_probs: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor, blank: int) -> Tensor:
    """CTC loss per key (Graves et al. 2006), averaged over the batch.

    Args:
        log_probs: (N, T, classes) natural log.
        lengths: (N,) emissions of each window.
        labels: (N, L) padded label sequences.
        label_lengths: (N,).
        blank: Label of the blank.
    """
    return nnf.ctc_loss(log_probs.transpose(0, 1), labels, lengths, label_lengths, blank=blank, zero_infinity=True)


def frame_targets(
    press_frames: Tensor, labels: Tensor, label_lengths: Tensor, frames: int, delay: float, width: int, blank: int
) -> Tensor:
    """(N, frames) class of each emission: a key for `width` frames around press + delay, else blank.

    Args:
        press_frames: (N, L) press times in emission frames, may be fractional.
        labels: (N, L).
        label_lengths: (N,).
        frames: Emissions per window.
        delay: Frames from the press to the middle of the key's emissions.
        width: Frames that a key lasts; cut short where the next key begins.
        blank: Label of the blank.
    """
    target = torch.full((len(labels), frames), blank, dtype=torch.long)
    for n in range(len(labels)):
        for press, label in zip(press_frames[n], labels[n, : label_lengths[n]], strict=False):
            first = round(float(press) + delay - (width - 1) / 2)
            target[n, max(first, 0) : max(first + width, 0)] = label
    return target


def frame_cross_entropy(log_probs: Tensor, target: Tensor, lengths: Tensor, blank: int, blank_weight: float) -> Tensor:
    """Mean negative log-likelihood of the frame targets; blanks, which are most frames, weigh less."""
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)
    weight = torch.where(target == blank, blank_weight, 1.0) * (frames < lengths[:, None])
    loss = -log_probs.gather(2, target[..., None]).squeeze(2)
    return (loss * weight).sum() / weight.sum().clamp_min(1)
