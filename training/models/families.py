"""The encoder families by name, and encoders from plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from messages.tables import build
from training.models.encoder_base import Encoder, EncoderConfig
from training.models.recurrent import SpatialLSTMConfig, SpatialLSTMEncoder
from training.models.spatial import SpatialTDSConfig, SpatialTDSEncoder
from training.models.split_share import SplitShareConfig, SplitShareEncoder
from training.models.tds import TDSConfig, TDSEncoder

__all__ = ["FAMILIES", "Encoder", "EncoderConfig", "ModelConfig", "encoder_of", "make_encoder", "model_config"]

FAMILIES: dict[str, type[Encoder]] = {
    kind.family: kind for kind in (TDSEncoder, SpatialTDSEncoder, SpatialLSTMEncoder, SplitShareEncoder)
}

ModelConfig = TDSConfig | SpatialTDSConfig | SpatialLSTMConfig | SplitShareConfig
"""The config of any family; the `family` of a table names it (tds where the table names none)."""


@dataclass(frozen=True, slots=True)
class _Model:
    model: ModelConfig = field(default_factory=TDSConfig)


def model_config(values: Mapping[str, Any], where: str = "the settings of an encoder") -> ModelConfig:
    """Build the config of the family that `values` names.

    Raises:
        InputError: An unknown family or name, or a value of another type.
    """
    return build(_Model, {"model": values}, where).model


def encoder_of(config: EncoderConfig) -> Encoder:
    """Make an encoder of these sizes with random weights."""
    return FAMILIES[config.family](config)  # type: ignore[call-arg]  # each family takes its own config


def make_encoder(values: Mapping[str, Any]) -> Encoder:
    """Make an encoder with random weights from plain values: {"family": "tds", ...}, the inverse of `to_dict`."""
    return encoder_of(model_config(values))
