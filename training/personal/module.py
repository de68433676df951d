"""Fine-tuning to one person as a Lightning module: the weights that change, and the loss with or without key times."""

import copy
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from messages.charset import BLANK
from streamer.encoder.personal_layer import PersonalLayer
from training.data.windows import Batch
from training.export.checkpoint import TrainedEncoder
from training.models.encoder_base import Encoder, NormalisingEncoder
from training.recipe.losses import TypedKeys, ctc
from training.recipe.settings import TrainSettings, WarmStart
from training.run.module import EncoderModule, labelled_emissions, one_cycle

Method = Literal["full", "layer", "head"]
_NORMS = (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)


class InputLayer(nn.Module):
    """A linear input network on the log-spectrogram, initially the identity.

    It mixes the electrodes of each band, in all bins alike, and then applies a scale and a bias per electrode and bin.
    Source: the linear input network of Neto et al. 1995, "Speaker-adaptation for hybrid HMM-ANN continuous speech
    recognition system" (Eurospeech). Its numpy form, which the daemon runs, is streamer.encoder.personal_layer.
    """

    def __init__(self, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.eye(electrodes).repeat(bands, 1, 1))
        self.scale = nn.Parameter(torch.ones(bands, electrodes, bins))
        self.bias = nn.Parameter(torch.zeros(bands, electrodes, bins))

    def forward(self, frames: Tensor) -> Tensor:
        """Apply the layer to frames (..., bands, electrodes, bins)."""
        return self.scale * (self.mixing @ frames) + self.bias

    def export(self) -> PersonalLayer:
        """Return the layer as the daemon runs it, still without the person's name."""
        return PersonalLayer("", *(p.detach().cpu().numpy().copy() for p in (self.mixing, self.scale, self.bias)))


def trainable(encoder: Encoder, method: Method) -> list[nn.Parameter]:
    """Return the parameters of the encoder that a method changes: all, none, or those of norms and head."""
    if method == "full":
        return list(encoder.parameters())
    if method == "layer":
        return []
    modules = [module for module in encoder.modules() if isinstance(module, _NORMS) or module is encoder.head]
    # The affine half of the first BatchNorm is not in the BatchNorm itself.
    affine = [encoder.scale, encoder.shift] if isinstance(encoder, NormalisingEncoder) else []
    return [*affine, *(p for module in modules for p in module.parameters())]


class PersonalModule(EncoderModule):
    """Adapts a trained encoder to one person."""

    def __init__(self, base: TrainedEncoder, settings: TrainSettings, method: Method, total_steps: int) -> None:
        super().__init__(settings, base.layout, base.stft, total_steps)
        self.encoder = copy.deepcopy(base.encoder)
        config = self.encoder.config
        self.layer = InputLayer(config.bands, config.electrodes, config.bins) if method == "layer" else None
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)
        for parameter in trainable(self.encoder, method):
            parameter.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode, but keep the BatchNorm statistics of the base: one person's batch is too small a sample."""
        super().train(mode)
        for module in self.encoder.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self

    def adapt(self, frames: Tensor) -> Tensor:
        """Apply the personal layer to the frames, if there is one."""
        return frames if self.layer is None else self.layer(frames)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute (N, emissions, classes) log-probabilities from (N, samples, bands, electrodes) µV."""
        log_probs: Tensor = self.encoder(self.adapt(self.spectrogram(samples)))
        return log_probs

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss of a batch: CTC, plus the warm start for the windows whose key times are known."""
        log_probs = self.encoder(self.adapt(batch.frames))
        log_probs, lengths, typed = labelled_emissions(log_probs, batch, self.encoder.context)
        loss = ctc(log_probs, lengths, typed, BLANK)
        warm = self.settings.warm_start
        # A prompt alone does not tell when its keys were pressed.
        timed = ~typed.presses.isnan().any(dim=1)
        if warm and timed.any():
            typed = TypedKeys(typed.labels[timed], typed.lengths[timed], typed.presses[timed])
            frame_loss = self.frame_loss(log_probs[timed], lengths[timed], typed, warm)
            loss = loss + self._frame_weight(warm) * frame_loss
        self.log("loss", loss, prog_bar=True)
        return loss

    def _frame_weight(self, warm: WarmStart) -> float:
        return max(0.0, 1 - self.global_step / (warm.share * self.total_steps))

    def configure_optimizers(self) -> Any:
        """Make the optimiser of the trainable weights, with a one-cycle learning rate."""
        s = self.settings
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(parameters, lr=s.rate, weight_decay=s.weight_decay)
        return one_cycle(optimiser, s.rate, self.total_steps, rising=0.1)
