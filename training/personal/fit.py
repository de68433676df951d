"""Personalisation: a trained encoder is fitted to one person in minutes; a held-out part tells when to stop."""

import copy
import math
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import current_thread, main_thread
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from decoder.metrics import CharacterErrors, greedy_errors
from streamer.encoder.personal_layer import PersonalLayer
from training.data.windows import collate
from training.export.checkpoint import TrainedEncoder
from training.models.features import LogSpectrogram
from training.personal.data import HeldOut, Part, Parts, PersonWindows, WindowSizes
from training.personal.module import Method, PersonalModule
from training.recipe.augment import Augmentation
from training.recipe.settings import TrainSettings, WarmStart

RATES: dict[Method, float] = {"full": 1e-3, "layer": 5e-3, "head": 3e-3}
"""Highest learning rate of each method: the fewer weights change, the larger the steps may be."""
_EXPECTED_WARNINGS = (
    # The frames lie in memory: separate processes would only copy them.
    ".*does not have many workers",
    # The statistics of BatchNorms are not updated.
    ".*in eval mode at the start of training",
    # A deprecation inside Lightning.
    ".*isinstance\\(treespec",
)


@dataclass(frozen=True, slots=True)
class PersonaliseSettings:
    """Settings of a personalisation."""

    method: Method = "full"
    """The weights to train. "full": all; "layer": a linear layer in front of the encoder; "head": norms and head."""
    steps: int = 300
    """Most steps of the optimiser."""
    validations: int = 10
    """Number of validations, spread evenly over the steps."""
    patience: int = 4
    """Validations without an improvement after which the training ends.

    They are a share of the steps: while the learning rate is high, a longer training improves as slowly as a short one.
    """
    rate: float | None = None
    """Highest learning rate; None: the rate of the method in RATES."""
    weight_decay: float = 0.01
    batch: int = 16
    """Windows per step."""
    window: int = 8000
    """Samples of the labelled part of a window."""
    future: int = 400
    """Samples after the labelled part or prompt; they let the model emit late by as much."""
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(misalign=40, time_masks=2, time_mask_frames=12)
    )
    seed: int = 1

    @property
    def every(self) -> int:
        """Number of steps from one validation to the next."""
        return max(1, round(self.steps / self.validations))


@dataclass(frozen=True, slots=True)
class Personalised:
    """The result of a personalisation."""

    trained: TrainedEncoder
    """The adapted encoder; with the method "layer" the base itself."""
    layer: PersonalLayer | None
    """The layer of the method "layer", still without the person's name; None with other methods."""
    before: float
    """Greedy CER in % of the base on the held-out part."""
    after: float
    """Greedy CER in % of the result on the held-out part, which also chose the step to stop at."""
    steps: int
    """Step with the lowest CER."""
    seconds: float
    """Duration of the training."""
    interrupted: bool
    """True: Ctrl-C ended the training."""


def personalise(
    base: TrainedEncoder,
    parts: Parts,
    settings: PersonaliseSettings,
    on_step: Callable[[int, float], None] = lambda _step, _cer: None,
) -> Personalised:
    """Fit a trained encoder to the person of `parts`; Ctrl-C ends the training, and the best result so far is returned.

    Args:
        base: The encoder to start from; it is not changed.
        parts: The person's sessions, from `split_sessions`.
        settings: Settings of the training.
        on_step: Called with the number of every step and the lowest CER so far in %.
    """
    began = time.monotonic()
    pl.seed_everything(settings.seed, verbose=False)
    recipe = _train_settings(base, settings)
    module = PersonalModule(base, recipe, settings.method, settings.steps)
    windows = PersonWindows(
        parts.training,
        base.stft,
        settings.augmentation,
        sizes=WindowSizes(settings.window, base.stft.samples(base.encoder.context + 1), settings.future),
        count=settings.every * settings.batch,
        seed=settings.seed,
    )
    held_out = DataLoader(HeldOut(parts.held_out), batch_size=None)
    with _interruptible() as interrupted, warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message)
        best = _BestSoFar(settings.patience, on_step, interrupted)
        trainer = pl.Trainer(
            max_steps=settings.steps,
            max_epochs=-1,
            callbacks=[best],
            gradient_clip_val=recipe.clip,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.validate(module, held_out, verbose=False)
        before = best.cer
        # Lightning does not switch to training mode by itself.
        module.train()
        if not interrupted():
            trainer.fit(module, DataLoader(windows, settings.batch, collate_fn=collate), held_out)
        module.load_state_dict(best.state)
        module.cpu().eval()
    return Personalised(
        trained=base if module.layer else replace(base, encoder=module.encoder),
        layer=module.layer.export() if module.layer else None,
        before=before,
        after=best.cer,
        steps=best.step,
        seconds=time.monotonic() - began,
        interrupted=interrupted(),
    )


def _train_settings(base: TrainedEncoder, settings: PersonaliseSettings) -> TrainSettings:
    # The delay of the base: frames labelled with another delay would first have to teach it when to emit.
    timing = base.settings.get("press_window") or base.settings.get("warm_start") or {}
    warm = WarmStart(delay=float(timing["delay"])) if "delay" in timing else WarmStart()
    return TrainSettings(
        model=base.encoder.config,  # type: ignore[arg-type]  # some family's
        augmentation=settings.augmentation,
        warm_start=warm,
        rate=settings.rate or RATES[settings.method],
        weight_decay=settings.weight_decay,
        clip=1.0,
    )


@torch.no_grad()
def greedy_cer(trained: TrainedEncoder, layer: PersonalLayer | None, parts: Sequence[Part]) -> float:
    """Return the greedy CER in % on held-out parts.

    Args:
        trained: The encoder.
        layer: Personal layer in front of it; None: none.
        parts: The held-out parts.
    """
    spectrogram, held_out, errors = LogSpectrogram(trained.stft), HeldOut(parts), CharacterErrors()
    for index in range(len(held_out)):
        samples, truth = held_out[index]
        frames = spectrogram(samples[None])[0]
        frames = frames if layer is None else torch.from_numpy(layer.adapted(frames.numpy()))
        errors += greedy_errors([trained.encoder(frames[None])[0].numpy()], truth)
    return errors.cer


class _BestSoFar(pl.Callback):
    """Keeps the weights of the best validation; ends the training without further gain, or when interrupted."""

    def __init__(self, patience: int, on_step: Callable[[int, float], None], interrupted: Callable[[], bool]) -> None:
        self._patience, self._on_step, self._interrupted = patience, on_step, interrupted
        self._validations_without_gain = 0
        self.cer = math.inf
        self.step = 0
        self.state: dict[str, Any] = {}

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Keep the weights if the CER is the lowest so far."""
        cer = float(trainer.callback_metrics["val_cer"])
        self._validations_without_gain += 1
        if cer < self.cer:
            self.cer, self.step, self._validations_without_gain = cer, trainer.global_step, 0
            self.state = copy.deepcopy(module.state_dict())
        if self._validations_without_gain >= self._patience:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: pl.Trainer, *_rest: Any) -> None:
        """Report the step, and end the training if it was interrupted."""
        self._on_step(trainer.global_step, self.cer)
        if self._interrupted():
            trainer.should_stop = True


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Record Ctrl-C instead of ending the process, as Lightning would; yields a function that is True after Ctrl-C."""
    signals: list[int] = []
    # Python delivers signals to the main thread alone.
    if current_thread() is not main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, lambda number, _frame: signals.append(number))
    try:
        yield lambda: bool(signals)
    finally:
        signal.signal(signal.SIGINT, previous)
