"""Losses: CTC, and the frame-wise warm start that uses the known press times."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

_IMPOSSIBLE = -1e4
"""Log-probability of what must not be: finite, as infinities turn into NaN in gradients."""


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
    count, keys = labels.shape
    padding = torch.arange(keys, device=labels.device) >= label_lengths[:, None]
    firsts = (press_frames.double() + delay - (width - 1) / 2).round().masked_fill(padding, torch.inf)
    firsts = torch.cat([firsts.new_full((count, 1), -torch.inf), firsts], dim=1)  # before the first key: a blank
    places = torch.arange(frames, device=labels.device, dtype=firsts.dtype).expand(count, -1).contiguous()
    newest = torch.searchsorted(firsts, places, right=True) - 1  # the last key that has begun
    lasts = places < firsts.gather(1, newest) + width
    own = torch.cat([labels.new_full((count, 1), blank), labels], dim=1)
    return own.gather(1, newest).where(lasts, blank)


def frame_cross_entropy(log_probs: Tensor, target: Tensor, lengths: Tensor, blank: int, blank_weight: float) -> Tensor:
    """Mean negative log-likelihood of the frame targets; blanks, which are most frames, weigh less."""
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)
    weight = torch.where(target == blank, blank_weight, 1.0) * (frames < lengths[:, None])
    loss = -log_probs.gather(2, target[..., None]).squeeze(2)
    return (loss * weight).sum() / weight.sum().clamp_min(1)


def distillation(log_probs: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a model's emissions from a teacher's, nats a frame (Hinton et al. 2015).

    Args:
        log_probs: (N, T, classes) natural log.
        teacher: (N, T, classes) natural log.
        lengths: (N,) emissions of each window.
    """
    within = torch.arange(log_probs.shape[1], device=log_probs.device) < lengths[:, None]
    return ((teacher.exp() * (teacher - log_probs)).sum(2) * within).sum() / within.sum().clamp_min(1)


def press_window_ctc(
    log_probs: Tensor,
    lengths: Tensor,
    labels: Tensor,
    label_lengths: Tensor,
    presses: Tensor,
    delay: float,
    reach: float,
    blank: int,
) -> Tensor:
    """CTC over those alignments alone that emit each key within `reach` of its press + delay; averaged as `ctc`.

    Each key of a window gets a class of its own, so that two presses of one key do not lend each other their windows;
    a key pressed twice in a row shares one, because only then a blank must part them. A window that no alignment fits
    (more keys than frames) counts as 0.

    Args:
        log_probs: (N, T, classes) natural log, normalised.
        lengths: (N,) emissions of each window.
        labels: (N, L) padded label sequences.
        label_lengths: (N,).
        presses: (N, L) press times in emissions.
        delay: Emissions from a press to the middle of its window.
        reach: Emissions from there to the window's ends.
        blank: Label of the blank.
    """
    count, frames, _ = log_probs.shape
    own = _own_classes(labels)
    keys = labels.shape[1]
    allowed = torch.zeros(count, frames, keys, dtype=torch.bool, device=log_probs.device)
    near = (torch.arange(frames, device=presses.device)[:, None] - (presses + delay)[:, None, :]).abs() <= reach
    present = torch.arange(keys, device=labels.device) < label_lengths[:, None]
    for key in range(keys):  # doubled letters: the union of their windows
        allowed.scatter_(
            2,
            own[:, None, key, None].expand(-1, frames, 1),
            allowed.gather(2, own[:, None, key, None].expand(-1, frames, 1))
            | (near[..., key] & present[:, None, key])[..., None],
        )
    first = torch.zeros_like(labels).scatter_(1, own.flip(1), labels.flip(1))  # the label of each class
    scores = log_probs.gather(2, first[:, None, :].expand(-1, frames, -1)).masked_fill(~allowed, _IMPOSSIBLE)
    lattice = torch.cat([scores, log_probs[..., blank : blank + 1]], dim=2)
    value, posterior = _posterior(lattice, lengths, own, label_lengths, keys)
    # torch's CTC takes its input for normalised, which this lattice is not; the gradient of the negative logarithm of
    # a sum over paths is minus the posterior of every arc (Graves et al. 2006, eq. 15), so it is put in by hand.
    weight = 1 / (label_lengths.clamp_min(1) * count)
    surrogate = -(posterior * lattice * weight[:, None, None]).sum()
    return (value * weight).sum() + surrogate - surrogate.detach()


def _own_classes(labels: Tensor) -> Tensor:
    """(N, L) class of each key: its place, or that of the key before where that is the same."""
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    again = torch.zeros_like(labels, dtype=torch.bool)
    again[:, 1:] = labels[:, 1:] == labels[:, :-1]
    return places.masked_fill(again, 0).cummax(dim=1).values


def _posterior(
    lattice: Tensor, lengths: Tensor, classes: Tensor, label_lengths: Tensor, blank: int
) -> tuple[Tensor, Tensor]:
    """(N,) negative log-likelihoods, 0 where nothing fits, and (N, T, classes) posteriors of their alignments."""
    with torch.enable_grad():
        scores = lattice.detach().requires_grad_()
        losses = nnf.ctc_loss(
            scores.transpose(0, 1), classes, lengths, label_lengths, blank=blank, reduction="none", zero_infinity=True
        )
        (gradient,) = torch.autograd.grad(losses.sum(), scores)
    fits = losses < -_IMPOSSIBLE / 2
    within = torch.arange(lattice.shape[1], device=lengths.device) < lengths[:, None]
    # torch gives exp(score) - posterior.
    posterior = (scores.exp() - gradient).detach() * (within & fits[:, None] & (losses > 0)[:, None])[..., None]
    return losses.detach() * fits, posterior
