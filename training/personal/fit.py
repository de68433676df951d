"""Personalisation: a trained encoder fitted to one person in minutes, stopped where a held-out part says so."""

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
import numpy as np
import torch
from torch.utils.data import DataLoader

from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors
from messages.emission import Emission
from streamer.encoder.personal_layer import PersonalLayer
from training.data.windows import collate
from training.export.checkpoint import TrainedEncoder
from training.models.features import LogSpectrogram
from training.personal.data import HeldOut, Part, Parts, PersonWindows
from training.personal.module import Method, PersonalModule
from training.recipe.augment import Augmentation
from training.recipe.settings import TrainSettings, WarmStart

RATES: dict[Method, float] = {"full": 1e-3, "layer": 5e-3, "head": 3e-3}
"""Highest learning rate: the fewer weights change, the larger the steps that they bear."""
_MEANT = (
    ".*does not have many workers",  # frames lie in memory: processes of their own would only copy them
    ".*in eval mode at the start of training",  # BatchNorms, whose statistics stay
    ".*isinstance\\(treespec",  # Lightning's own
)


@dataclass(frozen=True, slots=True)
class PersonaliseSettings:
    """How to fit a model to a person."""

    method: Method = "full"
    """"full": all weights; "layer": a linear layer before the encoder alone; "head": norms and head only."""
    steps: int = 300
    """Most steps of the optimiser."""
    validations: int = 10
    """How many there are, evenly over the steps."""
    patience: int = 4
    """Validations without a better one after which it ends: a share of the steps, for while the rate is high, a longer
    training gains as slowly as a shorter one does."""
    rate: float | None = None
    """Highest learning rate; None: the method's (RATES)."""
    weight_decay: float = 0.01
    batch: int = 16
    window: int = 8000
    """Samples whose presses are the labels of one window."""
    future: int = 400
    """Samples after a window or prompt; they let the model emit late by as much."""
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(misalign=40, time_masks=2, time_mask_frames=12)
    )
    seed: int = 1

    @property
    def every(self) -> int:
        """Steps from one validation to the next."""
        return max(1, round(self.steps / self.validations))


@dataclass(frozen=True, slots=True)
class Personalised:
    """What came out."""

    trained: TrainedEncoder
    """The adapted encoder; for a layer the base itself."""
    layer: PersonalLayer | None
    """With the method "layer" alone; its person has no name yet."""
    before: float
    """Greedy CER in % of the base on the held-out part."""
    after: float
    """Greedy CER in % on the same; the part also chose the step to stop at."""
    steps: int
    """At which the best was reached."""
    seconds: float
    interrupted: bool


def personalise(
    base: TrainedEncoder,
    parts: Parts,
    settings: PersonaliseSettings,
    tell: Callable[[int, float], None] = lambda _step, _cer: None,
) -> Personalised:
    """Fit a trained encoder to the person of `parts`; Ctrl-C ends the training, and the best so far comes back.

    Args:
        base: Not changed.
        parts: From `split_sessions`.
        settings: What may change, and how long.
        tell: Gets every step, and the best CER so far in %.
    """
    began = time.monotonic()
    pl.seed_everything(settings.seed, verbose=False)
    train = _train_settings(base, settings)
    module = PersonalModule(base, train, settings.method, settings.steps)
    windows = PersonWindows(
        parts.training,
        base.stft,
        settings.augmentation,
        count=settings.every * settings.batch,
        window=settings.window,
        past=base.stft.samples(base.encoder.context + 1),
        future=settings.future,
        seed=settings.seed,
    )
    held_out = DataLoader(HeldOut(parts.held_out), batch_size=None)
    with _interruptible() as interrupted, warnings.catch_warnings():
        for message in _MEANT:
            warnings.filterwarnings("ignore", message)
        best = _BestSoFar(settings.patience, tell, interrupted)
        trainer = pl.Trainer(
            max_steps=settings.steps,
            max_epochs=-1,
            callbacks=[best],
            gradient_clip_val=train.clip,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.validate(module, held_out, verbose=False)
        before = best.cer
        module.train()  # Lightning leaves the mode as it finds it
        if not interrupted():
            trainer.fit(module, DataLoader(windows, settings.batch, collate_fn=collate), held_out)
        module.load_state_dict(best.state)
        module.cpu().eval()
    return Personalised(
        trained=base if module.layer else replace(base, encoder=module.encoder),
        layer=module.layer.exported() if module.layer else None,
        before=before,
        after=best.cer,
        steps=best.step,
        seconds=time.monotonic() - began,
        interrupted=interrupted(),
    )


def _train_settings(base: TrainedEncoder, settings: PersonaliseSettings) -> TrainSettings:
    # The base's own delay: frames labelled at another one would teach it anew when to emit.
    known = base.settings.get("press_window") or base.settings.get("warm_start") or {}
    warm = WarmStart(delay=float(known["delay"])) if "delay" in known else WarmStart()
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
    """Greedy CER in % of an encoder, behind a personal layer where there is one, on held-out parts."""
    spectrogram, held_out, errors = LogSpectrogram(trained.stft), HeldOut(parts), CharacterErrors()
    for index in range(len(held_out)):
        samples, truth = held_out[index]
        frames = spectrogram(samples[None])[0]
        frames = frames if layer is None else torch.from_numpy(layer.adapted(frames.numpy()))
        log_probs = trained.encoder(frames[None])[0].numpy()
        keys = GreedyDecoder().push(Emission(log_probs, np.zeros(len(log_probs))))  # the times do not matter here
        errors += CharacterErrors.between([key.label for key in keys], truth)
    return errors.cer


class _BestSoFar(pl.Callback):
    """Keeps the weights of the best validation, ends after some without a better one, or when interrupted."""

    def __init__(self, patience: int, tell: Callable[[int, float], None], interrupted: Callable[[], bool]) -> None:
        self._patience, self._tell, self._interrupted = patience, tell, interrupted
        self._worse = 0
        self.cer = math.inf
        self.step = 0
        self.state: dict[str, Any] = {}

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        cer = float(trainer.callback_metrics["val_cer"])
        self._worse += 1
        if cer < self.cer:
            self.cer, self.step, self._worse = cer, trainer.global_step, 0
            self.state = copy.deepcopy(module.state_dict())
        if self._worse >= self._patience:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: pl.Trainer, *_rest: Any) -> None:
        self._tell(trainer.global_step, self.cer)
        if self._interrupted():
            trainer.should_stop = True


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Within, Ctrl-C is only noted: what comes in tells whether it was. (Lightning would end the process.)"""
    noted: list[int] = []
    if current_thread() is not main_thread():  # Python gives signals to the main thread alone
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, lambda number, _frame: noted.append(number))
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
