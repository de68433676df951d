"""The Lightning module: spectrogram, augmentation, encoder, loss, and the CER of whole validation sessions."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from messages.charset import BLANK
from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import OWN_LICENCE, StftFacts
from messages.signal import Layout
from training.data.order import chance, process_rank
from training.data.windows import Batch, SessionSamples
from training.export.checkpoint import TrainedEncoder, checkpoint_facts
from training.models.families import Encoder, encoder_of
from training.models.features import LogSpectrogram
from training.recipe.losses import ctc, distillation, frame_cross_entropy, frame_targets, press_window_ctc
from training.recipe.settings import TrainSettings

_PIECE = 15_000
"""Emissions of a piece of a session in validation: two minutes, some hundred megabytes in the reference's model."""
_AROUND = 1250
"""Emissions before a piece that are made and dropped; also after it where a model looks ahead."""


class EncoderModule(pl.LightningModule):
    """Trains an encoder of any family on windows of sessions."""

    def __init__(self, settings: TrainSettings, layout: Layout, stft: StftFacts, total_steps: int) -> None:
        super().__init__()
        self.settings = settings
        self.layout = layout
        self.total_steps = total_steps
        self.stft = stft
        self.spectrogram = LogSpectrogram(stft)
        self.encoder = encoder_of(settings.model)
        self.licence = OWN_LICENCE
        """Of the weights that the run starts from; what comes out is under it too."""
        self.sessions: tuple[str, ...] = ()
        """Names of those that the weights have seen, the ones that choose the epoch among them."""
        self._teacher: tuple[Encoder, ...] = ()  # a tuple hides it: its weights are not ours to train or to save
        self._errors = CharacterErrors()

    def learn_from(self, teacher: TrainedEncoder) -> None:
        """Imitate a trained encoder's emissions besides learning from keys (`TrainSettings.teacher_weight`).

        What comes out is under the teacher's licence too, and has seen what the teacher saw.

        Raises:
            InputError: It sees other frames, emits other classes, or needs more context.
        """
        theirs, ours = teacher.encoder.config, self.encoder.config
        found = (teacher.layout, teacher.stft, theirs.classes, teacher.encoder.context)
        expected = (self.layout, self.stft, ours.classes, self.encoder.context)
        if found != expected or not theirs.streams:
            raise InputError(
                f"the teacher sees {teacher.layout} through {teacher.stft}, emits {theirs.classes} classes and looks "
                f"{teacher.encoder.context} frames back; the model {self.layout} through {self.stft}, {ours.classes} "
                f"and {self.encoder.context}: both must agree; choose kernel and blocks, or the teacher, accordingly"
            )
        self._teacher = (teacher.encoder.eval().requires_grad_(False),)
        if teacher.licence != OWN_LICENCE:  # what the weights began with may owe something already
            self.licence = teacher.licence
        self.sessions = tuple(sorted({*self.sessions, *teacher.sessions}))

    def on_fit_start(self) -> None:
        for teacher in self._teacher:
            teacher.to(self.device)

    def forward(self, samples: Tensor) -> Tensor:
        """(N, samples, bands, electrodes) µV → (N, emissions, classes) log-probabilities."""
        log_probs: Tensor = self.encoder(self.spectrogram(samples))
        return log_probs

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        if isinstance(batch, Batch):
            return Batch(*(getattr(batch, name).to(device) for name in Batch.__slots__))
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        log_probs, lengths, presses = labelled_emissions(self.encoder(batch.frames), batch, self.encoder.context)
        log_probs = log_probs.float()  # CTC in half precision loses the sums
        second = self.layout.rate / self.stft.hop
        window, warm = self.settings.press_window, self.settings.warm_start
        if window:
            loss = press_window_ctc(
                log_probs,
                lengths,
                batch.labels,
                batch.label_lengths,
                presses,
                window.delay * second,
                window.reach * second,
                BLANK,
            )
        else:
            loss = ctc(log_probs, lengths, batch.labels, batch.label_lengths, BLANK)
        self.log("ctc", loss, prog_bar=True)
        if warm and (weight := max(0.0, 1 - self.global_step / (warm.share * self.total_steps))):
            delay = warm.delay * second
            target = frame_targets(
                presses, batch.labels, batch.label_lengths, log_probs.shape[1], delay, warm.width, BLANK
            ).to(log_probs.device)
            frame_loss = frame_cross_entropy(log_probs, target, lengths.to(log_probs.device), BLANK, warm.blank_weight)
            self.log("frame", frame_loss, prog_bar=True)
            loss = weight * frame_loss + (1 - weight) * loss
        for teacher in self._teacher:
            with torch.no_grad():
                theirs, _, _ = labelled_emissions(teacher(batch.frames), batch, teacher.context)
            imitation = distillation(log_probs, theirs.float(), lengths.to(log_probs.device))
            self.log("distillation", imitation, prog_bar=True)
            loss = self.settings.teacher_weight * imitation + (1 - self.settings.teacher_weight) * loss
        self.log("loss", loss)
        return loss

    def on_train_epoch_start(self) -> None:
        """What the model itself draws (dropout) depends on seed, epoch and process: a resumed run repeats it."""
        torch.manual_seed(chance(self.settings.seed, self.current_epoch, process_rank()).initial_seed())

    def validation_step(self, batch: tuple[Tensor | SessionSamples, list[int]], _index: int) -> None:
        samples, truth = batch
        decoder, labels = GreedyDecoder(), []
        for log_probs in self.emissions(samples):
            emission = Emission(log_probs.float().cpu().numpy(), np.zeros(len(log_probs)))  # times do not matter here
            labels += [key.label for key in decoder.push(emission)]
        self._errors += CharacterErrors.between(labels, truth)

    def emissions(self, samples: Tensor | SessionSamples) -> Iterator[Tensor]:
        """The log-probabilities of a session of any length in pieces (emissions, classes), one after the other.

        Each piece is made of its own frames, those of the receptive field before them, and some seconds more: all that
        a TDS encoder sees. Recurrent and normalising encoders, which carry on for ever, differ by what they forgot.
        """
        hop, context = self.stft.hop, self.encoder.context
        count = self.stft.frames(len(samples)) - context
        after = 0 if self.encoder.config.streams else _AROUND
        for first in range(0, count, _PIECE):
            last = min(count, first + _PIECE)
            begin, end = max(0, first - _AROUND), min(count, last + after)
            piece = samples[begin * hop : self.stft.samples(end + context)]
            yield self(piece.to(self.device)[None])[0, first - begin : last - begin]

    def on_validation_epoch_end(self) -> None:
        self.log("val_cer", self._errors.cer, prog_bar=True)
        self._errors = CharacterErrors()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to read the weights without this class (training.export.checkpoint)."""
        s = self.settings
        checkpoint["emgtype"] = checkpoint_facts(
            s.model.to_dict(), self.layout, self.stft, asdict(s), self.licence, self.sessions
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A resumed run still owes what it began with, and has seen what it saw then."""
        facts = checkpoint["emgtype"]
        self.licence = facts.get("licence", OWN_LICENCE)
        self.sessions = tuple(sorted({*self.sessions, *facts.get("sessions", ())}))

    def configure_optimizers(self) -> Any:
        s = self.settings
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[s.optimiser]
        if s.schedule == "one_cycle":
            optimiser = kind(self.encoder.parameters(), lr=s.rate, weight_decay=s.weight_decay)
            return one_cycle(optimiser, s.rate, self.total_steps, rising=0.2)
        optimiser = kind(self.encoder.parameters(), lr=1.0, weight_decay=s.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: warmup_cosine(epoch, s))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


def labelled_emissions(log_probs: Tensor, batch: Batch, context: int) -> tuple[Tensor, Tensor, Tensor]:
    """The emissions of the labelled parts alone, as a loss needs them: keys of the past before them have no label.

    Where an encoder shrinks time by at least that past, all its emissions.

    Args:
        log_probs: (N, T - context, classes) of the batch's frames; emission k is made at frame k + context.
        batch: Says where each labelled part begins.
        context: Frames that the output lacks at its start.

    Returns:
        (N, emissions, classes) log-probabilities, (N,) their lengths, and (N, L) presses in emissions.
    """
    starts = (batch.firsts - context).clamp_min(0)
    lengths = batch.lengths - context - starts
    index = starts[:, None] + torch.arange(int(lengths.max()), device=starts.device)
    index = index.clamp_max(log_probs.shape[1] - 1)[..., None].expand(-1, -1, log_probs.shape[2])
    return log_probs.gather(1, index), lengths, batch.presses - (context + starts)[:, None]


def warmup_cosine(epoch: int, s: TrainSettings) -> float:
    """Learning rate of an epoch: linear from `rate_start` over the warm-up, then half a cosine down to `rate_end`."""
    if epoch < s.warmup_epochs:
        return s.rate_start + (s.rate - s.rate_start) * epoch / max(1, s.warmup_epochs - 1)
    progress = (epoch - s.warmup_epochs) / max(1, s.epochs - s.warmup_epochs)
    return s.rate_end + 0.5 * (s.rate - s.rate_end) * (1 + math.cos(math.pi * progress))


def one_cycle(optimiser: torch.optim.Optimizer, rate: float, total_steps: int, rising: float) -> dict[str, Any]:
    """An optimiser with a one-cycle rate (Smith & Topin 2019): up to `rate` for a share of the steps, then down."""
    steps = max(total_steps, 2) + 1
    share = max(rising, min(0.5, 2 / steps))  # torch divides by the steps that rise, less one
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=share)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
