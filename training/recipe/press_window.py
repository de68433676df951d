"""CTC that keeps every key near its press.

Plain CTC sums over all alignments of the keys with the emissions, so the model may emit a key late. Where the times of
the presses are known, the sum can be restricted to the alignments that emit each key within a window around its press
plus a delay; the delay then sets the emission delay of the model.

Inputs: emissions, the keys typed, and the times of their presses. Plan:

1. Each key of a window gets a class of its own, so that two presses of one key do not lend each other their windows.
   A key pressed twice in a row shares one class, because only then must a blank separate the two.
2. A lattice holds the log-probability of each class at each emission within the window of its key, and a very low one
   outside.
3. torch's CTC sums over the alignments in the lattice. It takes its input for normalised, which the lattice is not, so
   its gradient would be wrong. The gradient of the negative logarithm of a sum over paths is minus the posterior of
   every arc (Graves et al. 2006, eq. 15): a surrogate with exactly this gradient replaces it.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from training.recipe.losses import TypedKeys

_IMPOSSIBLE = -1e4
"""Log-probability of an emission outside its window: finite, as infinities turn into NaN in gradients."""


def press_window_ctc(
    log_probs: Tensor, lengths: Tensor, typed: TypedKeys, delay: float, reach: float, blank: int
) -> Tensor:
    """Return the CTC loss over the alignments that emit each key within `reach` of its press + delay.

    It is averaged as `losses.ctc` is. A window that no alignment fits (more keys than frames) counts as 0.

    Args:
        log_probs: (N, T, classes) natural log, normalised.
        lengths: (N,) number of emissions of each window.
        typed: Keys of each window, with the times of their presses.
        delay: Emissions from a press to the middle of its window.
        reach: Emissions from there to the window's ends.
        blank: Label of the blank.
    """
    labels, count = typed.labels, len(log_probs)
    classes = _own_classes(labels)
    allowed = _allowed(typed, classes, log_probs.shape[1], delay, reach)
    label_of_class = torch.zeros_like(labels).scatter_(1, classes.flip(1), labels.flip(1))
    scores = log_probs.gather(2, label_of_class[:, None, :].expand(-1, log_probs.shape[1], -1))
    lattice = torch.cat([scores.masked_fill(~allowed, _IMPOSSIBLE), log_probs[..., blank : blank + 1]], dim=2)
    value, posterior = _posterior(lattice, lengths, classes, typed.lengths)
    weight = 1 / (typed.lengths.clamp_min(1) * count)
    surrogate = -(posterior * lattice * weight[:, None, None]).sum()
    return (value * weight).sum() + surrogate - surrogate.detach()


def _own_classes(labels: Tensor) -> Tensor:
    """Return the (N, L) class of each key: its place, or the class of the key before if that has the same label."""
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    repeats = torch.zeros_like(labels, dtype=torch.bool)
    repeats[:, 1:] = labels[:, 1:] == labels[:, :-1]
    return places.masked_fill(repeats, 0).cummax(dim=1).values


def _allowed(typed: TypedKeys, classes: Tensor, frames: int, delay: float, reach: float) -> Tensor:
    """Return (N, T, L) flags: whether class l may be emitted at emission t."""
    count, keys = typed.labels.shape
    device = typed.presses.device
    middles = (typed.presses + delay)[:, None, :]
    near = (torch.arange(frames, device=device)[:, None] - middles).abs() <= reach
    near &= (torch.arange(keys, device=device) < typed.lengths[:, None])[:, None]
    allowed = torch.zeros(count, frames, keys, dtype=torch.bool, device=device)
    # Repeated keys share a class: the union of their windows.
    for key in range(keys):
        index = classes[:, None, key, None].expand(-1, frames, 1)
        allowed.scatter_(2, index, allowed.gather(2, index) | near[..., key, None])
    return allowed


def _posterior(lattice: Tensor, lengths: Tensor, classes: Tensor, key_counts: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over the alignments in a lattice whose last class is the blank.

    Returns:
        (N,) negative log-likelihoods, 0 for windows that no alignment fits, and (N, T, classes) posteriors.
    """
    blank = lattice.shape[2] - 1
    with torch.enable_grad():
        scores = lattice.detach().requires_grad_()
        losses = nnf.ctc_loss(
            scores.transpose(0, 1), classes, lengths, key_counts, blank=blank, reduction="none", zero_infinity=True
        )
        (gradient,) = torch.autograd.grad(losses.sum(), scores)
    fits = losses < -_IMPOSSIBLE / 2
    valid = torch.arange(lattice.shape[1], device=lengths.device) < lengths[:, None]
    # torch's gradient is exp(score) - posterior.
    posterior = (scores.exp() - gradient).detach() * (valid & fits[:, None] & (losses > 0)[:, None])[..., None]
    return losses.detach() * fits, posterior
