"""The Lightning module of a training: encoder, losses, learning rate, and the CER of whole validation sessions."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from decoder.metrics import CharacterErrors, greedy_errors
from messages.charset import BLANK
from messages.errors import InputError
from messages.model_facts import OWN_LICENCE, StftFacts
from messages.signal import Layout
from training.data.order import generator_of, process_rank
from training.data.windows import Batch, SessionSamples
from training.export.checkpoint import TrainedEncoder, checkpoint_facts
from training.models.families import Encoder, encoder_of
from training.models.features import LogSpectrogram
from training.recipe.losses import TypedKeys, ctc, distillation, frame_cross_entropy, frame_targets
from training.recipe.press_window import press_window_ctc
from training.recipe.settings import TrainSettings, WarmStart

_PIECE = 15_000
"""Emissions of a piece of a validation session: two minutes, some hundred megabytes in the reference's model."""
_MARGIN = 1250
"""Emissions before a piece that are computed and dropped; also after it if the model looks ahead."""


class EncoderModule(pl.LightningModule):
    """Trains an encoder of any family on windows of sessions."""

    def __init__(self, settings: TrainSettings, layout: Layout, stft: StftFacts, total_steps: int) -> None:
        """Make the encoder of the settings for the layout, with random weights.

        Args:
            settings: The recipe.
            layout: Layout of the sessions.
            stft: Constants of the front end.
            total_steps: Steps of the whole training, which the schedules need.

        Raises:
            InputError: The settings do not fit the layout.
        """
        super().__init__()
        self.settings = settings.for_frames(layout, stft)
        self.layout = layout
        self.total_steps = total_steps
        self.stft = stft
        self.spectrogram = LogSpectrogram(stft)
        self.encoder = encoder_of(self.settings.model)
        self.licence = OWN_LICENCE
        """Licence of the initial weights, and so of the trained ones."""
        self.sessions: tuple[str, ...] = ()
        """Names of the sessions that influenced the weights, including those that choose the epoch."""
        # A tuple hides the teacher from torch: its weights must be neither trained nor saved.
        self._teacher: tuple[Encoder, ...] = ()
        self._errors = CharacterErrors()
        self._frames_per_second = layout.rate / stft.hop

    def learn_from(self, teacher: TrainedEncoder) -> None:
        """Imitate a trained encoder's emissions besides learning from keys (`TrainSettings.teacher_weight`).

        The trained weights inherit the teacher's licence and the names of the sessions that it was trained on.

        Raises:
            InputError: The teacher has other frames, classes or context than the model, or does not stream.
        """
        config, teacher_config = self.encoder.config, teacher.encoder.config
        of_teacher = (teacher.layout, teacher.stft, teacher_config.classes, teacher.encoder.context)
        expected = (self.layout, self.stft, config.classes, self.encoder.context)
        if of_teacher != expected or not teacher_config.streams:
            raise InputError(
                f"the teacher sees {teacher.layout} through {teacher.stft}, emits {teacher_config.classes} classes and "
                f"looks {teacher.encoder.context} frames back; the model sees {self.layout} through {self.stft}, emits "
                f"{config.classes} and looks {self.encoder.context} back: both must agree; choose kernel and blocks, "
                "or the teacher, accordingly"
            )
        self._teacher = (teacher.encoder.eval().requires_grad_(False),)
        # The initial weights may already have a licence of others, which stays.
        if teacher.licence != OWN_LICENCE:
            self.licence = teacher.licence
        self.sessions = tuple(sorted({*self.sessions, *teacher.sessions}))

    def on_fit_start(self) -> None:
        """Move the teacher to the device of the module."""
        for teacher in self._teacher:
            teacher.to(self.device)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute (N, emissions, classes) log-probabilities from (N, samples, bands, electrodes) µV."""
        log_probs: Tensor = self.encoder(self.spectrogram(samples))
        return log_probs

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch of windows to a device; Lightning moves anything else by itself."""
        if isinstance(batch, Batch):
            return Batch(*(getattr(batch, name).to(device) for name in Batch.__slots__))
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss of a batch: CTC, mixed with the warm start and with the distance from the teacher."""
        log_probs, lengths, typed = labelled_emissions(self.encoder(batch.frames), batch, self.encoder.context)
        # CTC in half precision loses the sums.
        log_probs = log_probs.float()
        loss = self._ctc_loss(log_probs, lengths, typed)
        self.log("ctc", loss, prog_bar=True)
        warm = self.settings.warm_start
        if warm and (weight := max(0.0, 1 - self.global_step / (warm.share * self.total_steps))):
            frame_loss = self.frame_loss(log_probs, lengths, typed, warm)
            self.log("frame", frame_loss, prog_bar=True)
            loss = weight * frame_loss + (1 - weight) * loss
        for teacher in self._teacher:
            with torch.no_grad():
                teacher_log_probs, _, _ = labelled_emissions(teacher(batch.frames), batch, teacher.context)
            imitation = distillation(log_probs, teacher_log_probs.float(), lengths.to(log_probs.device))
            self.log("distillation", imitation, prog_bar=True)
            loss = self.settings.teacher_weight * imitation + (1 - self.settings.teacher_weight) * loss
        self.log("loss", loss)
        return loss

    def _ctc_loss(self, log_probs: Tensor, lengths: Tensor, typed: TypedKeys) -> Tensor:
        window = self.settings.press_window
        if window is None:
            return ctc(log_probs, lengths, typed, BLANK)
        delay, reach = window.delay * self._frames_per_second, window.reach * self._frames_per_second
        return press_window_ctc(log_probs, lengths, typed, delay, reach, BLANK)

    def frame_loss(self, log_probs: Tensor, lengths: Tensor, typed: TypedKeys, warm: WarmStart) -> Tensor:
        """Return the frame-wise loss of emissions (N, T, classes), (N,) long, at the known press times."""
        delay = warm.delay * self._frames_per_second
        target = frame_targets(typed, log_probs.shape[1], delay, warm.width, BLANK).to(log_probs.device)
        return frame_cross_entropy(log_probs, target, lengths.to(log_probs.device), BLANK, warm.blank_weight)

    def on_train_epoch_start(self) -> None:
        """Make the random numbers of dropout depend on seed, epoch and process: a resumed run repeats them."""
        torch.manual_seed(generator_of(self.settings.seed, self.current_epoch, process_rank()).initial_seed())

    def validation_step(self, batch: tuple[Tensor | SessionSamples, list[int]], _index: int) -> None:
        """Add the greedy errors of a whole session; `batch` is its samples and its typed labels."""
        samples, truth = batch
        pieces = (log_probs.float().cpu().numpy() for log_probs in self.emissions(samples))
        self._errors += greedy_errors(pieces, truth)

    def emissions(self, samples: Tensor | SessionSamples) -> Iterator[Tensor]:
        """Yield the log-probabilities of a session of any length in consecutive pieces (emissions, classes).

        A piece is computed from its own frames, those of the receptive field before them, and some seconds more. That
        is everything a TDS encoder sees. Recurrent and normalising encoders have an unlimited memory and differ
        slightly.
        """
        hop, context = self.stft.hop, self.encoder.context
        count = self.stft.frames(len(samples)) - context
        margin_after = 0 if self.encoder.config.streams else _MARGIN
        for first in range(0, count, _PIECE):
            last = min(count, first + _PIECE)
            begin, end = max(0, first - _MARGIN), min(count, last + margin_after)
            piece = samples[begin * hop : self.stft.samples(end + context)]
            yield self(piece.to(self.device)[None])[0, first - begin : last - begin]

    def on_validation_epoch_end(self) -> None:
        """Log the CER of all validation sessions."""
        self.log("val_cer", self._errors.cer, prog_bar=True)
        self._errors = CharacterErrors()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the facts by which training.export.checkpoint reads the weights without this class."""
        s = self.settings
        checkpoint["emgtype"] = checkpoint_facts(
            s.model.to_dict(), self.layout, self.stft, asdict(s), self.licence, self.sessions
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the licence and the sessions that a resumed run began with."""
        facts = checkpoint["emgtype"]
        self.licence = facts.get("licence", OWN_LICENCE)
        self.sessions = tuple(sorted({*self.sessions, *facts.get("sessions", ())}))

    def configure_optimizers(self) -> Any:
        """Make the optimiser and the learning rate schedule of the settings."""
        s = self.settings
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[s.optimiser]
        if s.schedule == "one_cycle":
            optimiser = kind(self.encoder.parameters(), lr=s.rate, weight_decay=s.weight_decay)
            return one_cycle(optimiser, s.rate, self.total_steps, rising=0.2)
        optimiser = kind(self.encoder.parameters(), lr=1.0, weight_decay=s.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: warmup_cosine(epoch, s))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


def labelled_emissions(log_probs: Tensor, batch: Batch, context: int) -> tuple[Tensor, Tensor, TypedKeys]:
    """Return the emissions of the labelled parts alone, as a loss needs them: keys before these parts have no label.

    If the context of the encoder is at least as long as the unlabelled past, these are all its emissions.

    Args:
        log_probs: (N, T - context, classes) of the batch's frames; emission k is made at frame k + context.
        batch: The windows, with the beginning of each labelled part.
        context: Number of frames by which the output is shorter than the input, at its start.

    Returns:
        (N, emissions, classes) log-probabilities, (N,) their lengths, and the keys typed in them.
    """
    starts = (batch.firsts - context).clamp_min(0)
    lengths = batch.lengths - context - starts
    index = starts[:, None] + torch.arange(int(lengths.max()), device=starts.device)
    index = index.clamp_max(log_probs.shape[1] - 1)[..., None].expand(-1, -1, log_probs.shape[2])
    typed = TypedKeys(batch.labels, batch.label_lengths, batch.presses - (context + starts)[:, None])
    return log_probs.gather(1, index), lengths, typed


def warmup_cosine(epoch: int, s: TrainSettings) -> float:
    """Return the learning rate of an epoch: linear from `rate_start`, then half a cosine down to `rate_end`."""
    if epoch < s.warmup_epochs:
        return s.rate_start + (s.rate - s.rate_start) * epoch / max(1, s.warmup_epochs - 1)
    progress = (epoch - s.warmup_epochs) / max(1, s.epochs - s.warmup_epochs)
    return s.rate_end + 0.5 * (s.rate - s.rate_end) * (1 + math.cos(math.pi * progress))


def one_cycle(optimiser: torch.optim.Optimizer, rate: float, total_steps: int, rising: float) -> dict[str, Any]:
    """Return an optimiser with a one-cycle learning rate (Smith & Topin 2019), as Lightning expects it.

    Args:
        optimiser: The optimiser.
        rate: Highest learning rate.
        total_steps: Steps of the whole training.
        rising: Share of the steps in which the rate rises; then it falls.
    """
    steps = max(total_steps, 2) + 1
    # torch divides by the number of rising steps less one, which must not be 0.
    share = max(rising, min(0.5, 2 / steps))
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=share)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
