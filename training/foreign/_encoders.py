"""Encoders that other programs trained: the names of their tensors tell the program, their shapes the sizes.

Names and shapes are public facts of emg2qwerty (Sivakumar et al. 2024), of its fork zberman1234/emg2qwerty and of
braindecode; this module contains no code of these programs. Plan:

1. A tensor that one program alone has tells which program and family a state dict is of (`NAMINGS`).
2. The sizes of the encoder follow from the shapes of its tensors (`_Sizes`).
3. An encoder of these sizes tells which tensors must be there, and of which shapes: everything else is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from messages.charset import CLASSES
from messages.errors import InputError
from training.models.encoder_base import Encoder
from training.models.families import make_encoder

_TDS, _SPATIAL_TDS, _SPATIAL_LSTM = "tds", "spatial_tds", "spatial_lstm"
_COUNTER = "num_batches_tracked"
"""Name of BatchNorm's counter, which no encoder needs."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The names that a program gives to the tensors of a family."""

    program: str
    family: str
    sign: str
    """A tensor that no other program has."""
    stem: str
    """Prefix of the modules before the blocks."""
    mlps: str
    """Prefix of the MLPs."""
    blocks: str
    """Prefix of the TDS blocks or LSTM layers."""
    head: str
    """Prefix of the head."""

    def foreign_name(self, name: str, second: int = 2) -> str:
        """Return the program's name of one of our tensors.

        Args:
            name: Name of the tensor in our encoder.
            second: Place of the second linear layer in a fully connected block.
        """
        rules: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
            (r"scale", lambda _: f"{self.stem}.0.batch_norm.weight"),
            (r"shift", lambda _: f"{self.stem}.0.batch_norm.bias"),
            (r"input_norm\.(\w+)", lambda m: f"{self.stem}.0.batch_norm.{m[1]}"),
            (r"front\.linear\.(\w+)", lambda m: f"{self.stem}.1.feature_proj.{m[1]}"),
            (r"front\.conv\.(\w+)", lambda m: f"{self.stem}.1.conv.{m[1]}"),
            (r"(?:front\.)?mlps\.(\d+)\.linear\.(\w+)", lambda m: f"{self.mlps}.mlps.{m[1]}.mlp.0.{m[2]}"),
            (r"conv_blocks\.(\d+)\.conv\.(\w+)", lambda m: f"{self._block(2 * int(m[1]))}.conv2d.{m[2]}"),
            (r"conv_blocks\.(\d+)\.norm\.(\w+)", lambda m: f"{self._block(2 * int(m[1]))}.layer_norm.{m[2]}"),
            (r"fc_blocks\.(\d+)\.first\.(\w+)", lambda m: f"{self._block(2 * int(m[1]) + 1)}.fc_block.0.{m[2]}"),
            (
                r"fc_blocks\.(\d+)\.second\.(\w+)",
                lambda m: f"{self._block(2 * int(m[1]) + 1)}.fc_block.{second}.{m[2]}",
            ),
            (r"fc_blocks\.(\d+)\.norm\.(\w+)", lambda m: f"{self._block(2 * int(m[1]) + 1)}.layer_norm.{m[2]}"),
            (r"lstm\.(\w+)", lambda m: f"{self.blocks}.lstm_layers.{m[1]}"),
            (r"first\.(\w+)", lambda m: f"{self.blocks}.fc_block.fc_block.0.{m[1]}"),
            (r"second\.(\w+)", lambda m: f"{self.blocks}.fc_block.fc_block.{second}.{m[1]}"),
            (r"norm\.(\w+)", lambda m: f"{self.blocks}.fc_block.layer_norm.{m[1]}"),
            (r"out\.(\w+)", lambda m: f"{self.blocks}.out_layer.{m[1]}"),
            (r"head\.(\w+)", lambda m: f"{self.head}.{m[1]}"),
        )
        return next(rename(match) for pattern, rename in rules if (match := re.fullmatch(pattern, name)))

    def _block(self, number: int) -> str:
        return f"{self.blocks}.tds_conv_blocks.{number}"


_FORK = "emg2qwerty's fork"
_TDS_BLOCK, _LSTM_LAYER = "tds_conv_blocks.0.conv2d.weight", "lstm_layers.weight_ih_l0"
NAMINGS = (
    Naming("emg2qwerty", _TDS, "model.1.mlps.0.mlp.0.weight", "model", "model.1", "model.3", "model.4"),
    Naming(_FORK, _SPATIAL_TDS, f"model.4.{_TDS_BLOCK}", "model", "model.2", "model.4", "model.5"),
    Naming(_FORK, _SPATIAL_LSTM, f"model.4.{_LSTM_LAYER}", "model", "model.2", "model.4", "model.5"),
    Naming("braindecode", _TDS, "final_layer.weight", "model", "model.1", "model.3", "final_layer"),
)


@dataclass(frozen=True, slots=True)
class ForeignEncoder:
    """An encoder with the weights of another program."""

    encoder: Encoder
    program: str
    """Program whose names the tensors had."""


def encoder_from(content: Any, where: str, settings: Mapping[str, Any] | None = None) -> ForeignEncoder:
    """Make the encoder of a checkpoint's content or of a bare state dict; its sizes follow from the shapes.

    Args:
        content: The loaded content: tensors by name, or a mapping with "state_dict".
        where: Name of the file, for errors.
        settings: Settings of our encoder that no shape tells (offsets, pooling).

    Raises:
        InputError: No weights, names of no known program, or a tensor that is missing, unknown or of another shape.
    """
    tensors = _state_dict(content, where)
    # braindecode's tensors have the names of emg2qwerty's, except the head: so braindecode comes first.
    naming = next((n for n in reversed(NAMINGS) if n.sign in tensors), None)
    if naming is None:
        examples = ", ".join(sorted(tensors)[:3])
        raise InputError(
            f"{where} holds {len(tensors)} tensors with names of no known program ({examples}, ...): expected a "
            "checkpoint of emg2qwerty, of its fork with a spatial front, or of braindecode's EMG2QwertyNet"
        )
    sizes = _Sizes(naming, tensors, where)
    encoder = make_encoder({"family": naming.family, **sizes.read(), **(settings or {})})
    own = {name: value for name, value in encoder.state_dict().items() if not name.endswith(_COUNTER)}
    names = {name: naming.foreign_name(name, sizes.second) for name in own}
    expected = {names[name]: value for name, value in own.items()}
    if problems := _problems(expected, tensors, naming.program):
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"{where} has {'; '.join(problems[:3])}{more}: it is not the {naming.family} of {naming.program}; import "
            "the file as its program wrote it"
        )
    encoder.load_state_dict({name: tensors[names[name]].float() for name in own}, strict=False)
    if encoder.config.classes != CLASSES:
        raise InputError(f"{where} has {encoder.config.classes} classes: expected emg2qwerty's 98 keys and the blank")
    return ForeignEncoder(encoder.eval(), naming.program)


def _problems(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], program: str) -> list[str]:
    """Describe the tensors that are missing, of another shape, or unknown."""
    problems = [f"no {name}, expected {_shape(value)}" for name, value in expected.items() if name not in tensors]
    problems += [
        f"{name} of shape {_shape(tensors[name])}, expected {_shape(value)}"
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    return problems + [f"{name}, which {program} does not have" for name in sorted(set(tensors) - set(expected))]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The settings of an encoder that follow from the shapes of its tensors."""

    naming: Naming
    tensors: Mapping[str, Tensor]
    where: str

    def read(self) -> dict[str, Any]:
        """Return the settings by name."""
        naming = self.naming
        bands = self._count(rf"{re.escape(naming.mlps)}\.mlps\.(\d+)\.mlp\.0\.weight")
        electrodes = self._dimension("scale", 0) // max(bands, 1)
        prefix = "" if naming.family == _TDS else "front."
        width = self._dimension(f"{prefix}mlps.0.linear.weight", 1)
        sizes: dict[str, Any] = {
            "bands": bands,
            "electrodes": electrodes,
            "mlp_features": self._dimension(f"{prefix}mlps.0.linear.weight", 0),
            "classes": self._dimension("head.weight", 0),
        }
        if naming.family == _TDS:
            sizes["bins"] = width // max(electrodes, 1)
        else:
            sizes["bins"] = self._dimension("front.linear.weight", 1)
            sizes["spatial_features"] = self._dimension("front.linear.weight", 0)
        if naming.family == _SPATIAL_LSTM:
            lstm = rf"{re.escape(naming.blocks)}\.lstm_layers\.weight_hh_l(\d+)"
            sizes["layers"] = self._count(lstm)
            sizes["hidden"] = self._dimension("lstm.weight_hh_l0", 1)
            sizes["bidirectional"] = naming.foreign_name("lstm.weight_hh_l0_reverse") in self.tensors
        else:
            blocks = rf"{re.escape(naming.blocks)}\.tds_conv_blocks\.(\d+)\.conv2d\.weight"
            sizes["blocks"] = self._count(blocks)
            sizes["channels"] = self._dimension("conv_blocks.0.conv.weight", 0)
            sizes["kernel"] = self._dimension("conv_blocks.0.conv.weight", 3)
        return sizes

    @property
    def second(self) -> int:
        """Place of the second linear layer in a fully connected block: after ReLU, or after ReLU and dropout."""
        return 3 if any(re.search(r"\.fc_block\.3\.weight$", name) for name in self.tensors) else 2

    def _count(self, pattern: str) -> int:
        return len({match[1] for name in self.tensors if (match := re.fullmatch(pattern, name))})

    def _dimension(self, own_name: str, axis: int) -> int:
        name = self.naming.foreign_name(own_name, self.second)
        if name not in self.tensors or self.tensors[name].ndim <= axis:
            shape = _shape(self.tensors[name]) if name in self.tensors else "missing"
            raise InputError(
                f"{self.where} has the names of {self.naming.program}, but {name} is {shape}: expected its weights; "
                "import the file as its program wrote it"
            )
        return int(self.tensors[name].shape[axis])


def _state_dict(content: Any, where: str) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    tensors = dict(content) if isinstance(content, Mapping) else {}
    weights = {
        str(name): value
        for name, value in tensors.items()
        if isinstance(value, Tensor) and not str(name).endswith(_COUNTER)
    }
    if not weights:
        raise InputError(f"{where} holds no state dict of tensors: expected a checkpoint with weights")
    return weights


def _shape(tensor: Tensor) -> str:
    return f"[{', '.join(map(str, tensor.shape))}]"
