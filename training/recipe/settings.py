"""Training settings: a frozen dataclass from a TOML file; the presets lie in training/recipe/presets/."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import Layout
from messages.tables import build
from training.models.families import ModelConfig
from training.models.tds import TDSConfig
from training.recipe.augment import Augmentation

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Frame-wise cross-entropy at the known press times, which gives way to CTC (see training.recipe.losses)."""

    share: float = 0.6
    """Share of all steps over which its weight falls from 1 to 0 while that of CTC rises from 0 to 1."""
    delay: float = 0.060
    """Seconds from press to emission: sets the model's emission delay."""
    width: int = 3
    """Number of frames that are labelled with a key."""
    blank_weight: float = 0.3
    """Weight of a blank frame in the loss; a key's frame has 1."""


@dataclass(frozen=True, slots=True)
class PressWindow:
    """CTC whose alignments keep every key near its press (see `training.recipe.press_window.press_window_ctc`)."""

    delay: float = 0.060
    """Seconds from press to the middle of the window."""
    reach: float = 0.040
    """Seconds from the middle of the window to its ends."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that a training run depends on, except its data."""

    model: ModelConfig = field(default_factory=TDSConfig)
    """Sizes of the encoder, of any family: `family = "tds"` in the table names it. The data give its input sizes."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    warm_start: WarmStart | None = None
    press_window: PressWindow | None = None
    teacher_weight: float = 0.7
    """With a teacher: share of the loss that is the distance from the teacher's emissions."""
    window: int = 8000
    """Samples of the labelled part of a window."""
    crop: float = 0.0
    """Largest share of the labelled part that is cut off, drawn anew each time."""
    past: int = 1800
    """Samples of context before the labelled part."""
    future: int = 200
    """Samples after the labelled part; they let the model emit late by as much."""
    batch: int = 32
    """Windows per step."""
    epochs: int = 150
    optimiser: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["warmup_cosine", "one_cycle"] = "warmup_cosine"
    """Learning rate: the reference's schedule, per epoch, or one cycle, per step."""
    rate: float = 1e-3
    """Highest learning rate."""
    warmup_epochs: int = 10
    """Epochs over which warmup_cosine raises the rate."""
    rate_start: float = 1e-8
    """First learning rate of warmup_cosine."""
    rate_end: float = 1e-6
    """Last learning rate of warmup_cosine."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: the gradient is not clipped."""
    patience: int = 0
    """Epochs without a better validation CER after which training ends; 0: it never ends early."""
    minutes: float = 0.0
    """Train on the first minutes alone, sessions in their order; 0: on all."""
    validate_minutes: float = 0.0
    """Validate on the first minutes of each session alone; 0: on all of it."""
    cache: bool = False
    """True: keep all spectrograms in memory (see training.data.frames.CachedFrames)."""
    seed: int = 1
    """Seed of all random numbers of the run."""

    def __post_init__(self) -> None:
        least = {"window": 1, "batch": 1, "epochs": 1, "past": 0, "future": 0, "patience": 0, "seed": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError(f"the setting {name} is {getattr(self, name)}: it must be at least {bound}")
        if not 0 <= self.teacher_weight <= 1:
            raise InputError(f"the setting teacher_weight is {self.teacher_weight:g}: expected a share from 0 to 1")
        if not 0 <= self.crop < 1:
            raise InputError(f"the setting crop is {self.crop:g}: expected a share from 0 to below 1")

    def for_frames(self, layout: Layout, stft: StftFacts) -> "TrainSettings":
        """Return these settings with the encoder's input sizes filled in (see `EncoderConfig.for_frames`)."""
        return replace(self, model=self.model.for_frames(layout, stft.bins))


def load_settings(name: str, changes: Sequence[str] = ()) -> TrainSettings:
    """Load settings from a preset or a TOML file.

    Args:
        name: Name of a preset, or path of a TOML file.
        changes: `key = value` in TOML, with dots into tables ("augmentation.roll = 0"), applied on top.

    Raises:
        InputError: No such preset or file, no valid TOML, an unknown setting or a value of another type.
    """
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not path.is_file():
        presets = ", ".join(sorted(p.stem for p in PRESETS.glob("*.toml")))
        raise InputError(f"no training settings {name!r}: expected a preset ({presets}) or the path of a .toml file")
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}; correct that line") from None
    for change in changes:
        _merge(table, _parsed(change))
    return build(TrainSettings, table, str(path))


def with_delay(settings: TrainSettings, milliseconds: float) -> TrainSettings:
    """Return the settings with another emission delay.

    Args:
        settings: Settings with a warm start or a press window, which control the delay; both are changed.
        milliseconds: Time from a press to its emission.

    Raises:
        InputError: The settings have neither.
    """
    warm, window = settings.warm_start, settings.press_window
    if warm is None and window is None:
        raise InputError(
            "--delay-ms needs settings with [warm_start] or [press_window], which control the delay, and these have "
            "neither: use the preset compact, or add one of the tables"
        )
    delay = milliseconds / 1e3
    return replace(
        settings,
        warm_start=warm and replace(warm, delay=delay),
        press_window=window and replace(window, delay=delay),
    )


def _parsed(change: str) -> dict[str, Any]:
    try:
        return tomllib.loads(change)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"the setting {change!r} is not valid TOML: {error}; write key=value, a text in quotes"
        ) from None


def _merge(table: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value
