"""Training settings: one frozen dataclass from one TOML file; presets lie in training/presets/."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from decoder.errors import InputError
from decoder.strict import build
from training.augment import Augmentation
from training.families import ModelConfig
from training.tds import TDSConfig

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Frame-wise cross-entropy at the known press times, which hands over to CTC (see training.losses)."""

    share: float = 0.6
    """Part of all steps over which its weight falls from 1 to 0 while that of CTC rises from 0 to 1."""
    delay: float = 0.060
    """Seconds from press to emission: sets the model's emission delay."""
    width: int = 3
    """Frames a key lasts."""
    blank_weight: float = 0.3


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything a training run depends on but its data."""

    model: ModelConfig = field(default_factory=TDSConfig)
    """Sizes of the encoder, of any family: `family = "tds"` in the table names it."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    warm_start: WarmStart | None = None
    window: int = 8000
    """Samples whose presses are the labels of one window."""
    past: int = 1800
    """Samples of context before the window."""
    future: int = 200
    """Samples after the window; they let the model emit late by as much."""
    batch: int = 32
    epochs: int = 150
    optimiser: str = "adam"
    """"adam" or "adamw"."""
    weight_decay: float = 0.0
    schedule: str = "warmup_cosine"
    """"warmup_cosine" (the reference's, per epoch) or "one_cycle" (per step)."""
    rate: float = 1e-3
    """Highest learning rate."""
    warmup_epochs: int = 10
    rate_start: float = 1e-8
    rate_end: float = 1e-6
    clip: float = 0.0
    """Largest norm of the gradient; 0: not clipped."""
    cache: bool = False
    """Keep all spectrograms in memory (see training.frames.CachedFrames)."""
    seed: int = 1


def load_settings(name: str) -> TrainSettings:
    """Settings from a preset's name or a TOML file's path."""
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PRESETS.glob("*.toml")))
        raise InputError(f"no training settings {name!r}: expected a preset ({known}) or the path of a .toml file")
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}; mend that line") from None
    return build(TrainSettings, table, str(path))
