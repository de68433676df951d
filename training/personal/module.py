"""Fine-tuning to one person, as a Lightning module: what may change, and the loss with and without key times."""

import copy
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from messages.charset import BLANK
from streamer.encoder.personal_layer import PersonalLayer
from training.data.windows import Batch
from training.export.checkpoint import TrainedEncoder
from training.models.encoder_base import Encoder, NormalisingEncoder
from training.recipe.losses import ctc, frame_cross_entropy, frame_targets
from training.recipe.settings import TrainSettings, WarmStart
from training.run.module import EncoderModule, labelled_emissions, one_cycle

Method = Literal["full", "layer", "head"]
_NORMS = (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)


class InputLayer(nn.Module):
    """A linear input network on the log-spectrogram, the identity at first.

    Per band a mixing of its electrodes, the same in all bins, then a scale and a bias per electrode and bin. After the
    linear input network of Neto et al. 1995, "Speaker-adaptation for hybrid HMM-ANN continuous speech recognition
    system" (Eurospeech); its numpy form, which the daemon runs, is streamer.encoder.personal_layer.
    """

    def __init__(self, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.eye(electrodes).repeat(bands, 1, 1))
        self.scale = nn.Parameter(torch.ones(bands, electrodes, bins))
        self.bias = nn.Parameter(torch.zeros(bands, electrodes, bins))

    def forward(self, frames: Tensor) -> Tensor:
        """(..., bands, electrodes, bins) → the same."""
        return self.scale * (self.mixing @ frames) + self.bias

    def exported(self) -> PersonalLayer:
        """What the daemon runs; its person has no name yet."""
        return PersonalLayer("", *(p.detach().cpu().numpy().copy() for p in (self.mixing, self.scale, self.bias)))


def trainable(encoder: Encoder, method: Method) -> list[nn.Parameter]:
    """The encoder's parameters that a method changes: all, none, or those of norms and head."""
    if method == "full":
        return list(encoder.parameters())
    if method == "layer":
        return []
    chosen = [module for module in encoder.modules() if isinstance(module, _NORMS) or module is encoder.head]
    apart = [encoder.scale, encoder.shift] if isinstance(encoder, NormalisingEncoder) else []
    return [*apart, *(p for module in chosen for p in module.parameters())]


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
        """As of any module, but the statistics of BatchNorms stay the base's: a batch of one person is no sample."""
        super().train(mode)
        for module in self.encoder.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self

    def adapted(self, frames: Tensor) -> Tensor:
        """The frames that the encoder gets."""
        return frames if self.layer is None else self.layer(frames)

    def forward(self, samples: Tensor) -> Tensor:
        log_probs: Tensor = self.encoder(self.adapted(self.spectrogram(samples)))
        return log_probs

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        log_probs = self.encoder(self.adapted(batch.frames))
        log_probs, lengths, presses = labelled_emissions(log_probs, batch, self.encoder.context)
        loss = ctc(log_probs, lengths, batch.labels, batch.label_lengths, BLANK)
        warm = self.settings.warm_start
        timed = ~batch.presses.isnan().any(dim=1)  # a prompt alone does not say when its keys were pressed
        if warm and timed.any():
            loss = loss + self._frame_weight(warm) * self._frame_loss(
                log_probs[timed], lengths[timed], presses[timed], batch.labels[timed], batch.label_lengths[timed], warm
            )
        self.log("loss", loss, prog_bar=True)
        return loss

    def _frame_weight(self, warm: WarmStart) -> float:
        return max(0.0, 1 - self.global_step / (warm.share * self.total_steps))

    def _frame_loss(
        self, log_probs: Tensor, lengths: Tensor, presses: Tensor, labels: Tensor, counts: Tensor, warm: WarmStart
    ) -> Tensor:
        delay = warm.delay * self.layout.rate / self.stft.hop
        target = frame_targets(presses, labels, counts, log_probs.shape[1], delay, warm.width, BLANK)
        return frame_cross_entropy(log_probs, target.to(log_probs.device), lengths, BLANK, warm.blank_weight)

    def configure_optimizers(self) -> Any:
        s = self.settings
        changed = [p for p in self.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(changed, lr=s.rate, weight_decay=s.weight_decay)
        return one_cycle(optimiser, s.rate, self.total_steps, rising=0.1)
