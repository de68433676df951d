"""Losses: CTC, the frame-wise warm start that uses the known press times, and distillation."""

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TypedKeys:
    """The keys typed in the windows of a batch, padded at their ends."""

    labels: Tensor
    """(N, L) labels."""
    lengths: Tensor
    """(N,) number of keys of each window."""
    presses: Tensor
    """(N, L) press times in emissions, may be fractional; NaN where they are not known."""


def ctc(log_probs: Tensor, lengths: Tensor, typed: TypedKeys, blank: int) -> Tensor:
    """Return the CTC loss per key (Graves et al. 2006), averaged over the batch.

    Args:
        log_probs: (N, T, classes) natural log.
        lengths: (N,) number of emissions of each window.
        typed: Keys of each window.
        blank: Label of the blank.
    """
    emissions_first = log_probs.transpose(0, 1)
    return nnf.ctc_loss(emissions_first, typed.labels, lengths, typed.lengths, blank=blank, zero_infinity=True)


def frame_targets(typed: TypedKeys, frames: int, delay: float, width: int, blank: int) -> Tensor:
    """Return the (N, frames) class of each emission: a key for `width` frames around press + delay, else blank.

    Args:
        typed: Keys of each window, with the times of their presses.
        frames: Emissions per window.
        delay: Emissions from the press to the middle of the key's emissions.
        width: Emissions that are labelled with a key; fewer where the next key begins.
        blank: Label of the blank.
    """
    labels = typed.labels
    count, keys = labels.shape
    padding = torch.arange(keys, device=labels.device) >= typed.lengths[:, None]
    firsts = (typed.presses.double() + delay - (width - 1) / 2).round().masked_fill(padding, torch.inf)
    # Before the first key stands a blank, which has always begun.
    firsts = torch.cat([firsts.new_full((count, 1), -torch.inf), firsts], dim=1)
    own = torch.cat([labels.new_full((count, 1), blank), labels], dim=1)
    places = torch.arange(frames, device=labels.device, dtype=firsts.dtype).expand(count, -1).contiguous()
    # The last key that has begun at each place.
    newest = torch.searchsorted(firsts, places, right=True) - 1
    lasts = places < firsts.gather(1, newest) + width
    return own.gather(1, newest).where(lasts, blank)


def frame_cross_entropy(log_probs: Tensor, target: Tensor, lengths: Tensor, blank: int, blank_weight: float) -> Tensor:
    """Return the mean negative log-likelihood of the frame targets; blanks, which are most frames, weigh less.

    Args:
        log_probs: (N, T, classes) natural log.
        target: (N, T) class of each emission.
        lengths: (N,) number of emissions of each window.
        blank: Label of the blank.
        blank_weight: Weight of a blank; a key has 1.
    """
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)
    weight = torch.where(target == blank, blank_weight, 1.0) * (frames < lengths[:, None])
    loss = -log_probs.gather(2, target[..., None]).squeeze(2)
    return (loss * weight).sum() / weight.sum().clamp_min(1)


def distillation(log_probs: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence from a teacher's emissions, in nats per frame (Hinton et al. 2015).

    Args:
        log_probs: (N, T, classes) natural log.
        teacher: (N, T, classes) natural log.
        lengths: (N,) number of emissions of each window.
    """
    valid = torch.arange(log_probs.shape[1], device=log_probs.device) < lengths[:, None]
    return ((teacher.exp() * (teacher - log_probs)).sum(2) * valid).sum() / valid.sum().clamp_min(1)
