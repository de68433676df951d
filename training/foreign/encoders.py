"""Encoders trained elsewhere: which program's names a state dict has, and our encoder with its weights.

Names and shapes are public facts of emg2qwerty (Sivakumar et al. 2024), of its fork zberman1234/emg2qwerty and of
braindecode; no code of theirs is here.
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
_COUNTED = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Naming:
    """How one program names the tensors of one family."""

    program: str
    family: str
    sign: str
    """A tensor that it alone has."""
    stem: str
    """Of the modules in front of the blocks."""
    mlps: str
    blocks: str
    head: str

    def theirs(self, ours: str, second: int = 2) -> str:
        """Their name of one of our tensors; `second` is the place of an FC block's second linear layer."""
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
        return next(name(match) for pattern, name in rules if (match := re.fullmatch(pattern, ours)))

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
class Foreign:
    """An encoder with the weights of another program."""

    encoder: Encoder
    program: str
    """Whose names the tensors had."""


def encoder_from(content: Any, where: str, settings: Mapping[str, Any] | None = None) -> Foreign:
    """The encoder that a checkpoint's content or a bare state dict holds; sizes are read off the shapes.

    Args:
        content: As loaded: tensors by name, or a mapping with "state_dict".
        where: Named in errors.
        settings: Settings of our encoder that no shape tells (offsets, pooling).

    Raises:
        InputError: No weights, names of no known program, a tensor that is missing, unknown or of another shape.
    """
    tensors = _state_dict(content, where)
    # braindecode's tensors are those of emg2qwerty but for the head.
    naming = next((n for n in reversed(NAMINGS) if n.sign in tensors), None)
    if naming is None:
        some = ", ".join(sorted(tensors)[:3])
        raise InputError(
            f"{where} holds {len(tensors)} tensors with names of no known program ({some}, ...): expected a checkpoint "
            "of emg2qwerty, of its fork with a spatial front, or of braindecode's EMG2QwertyNet"
        )
    sizes = _Sizes(naming, tensors, where)
    encoder = make_encoder({"family": naming.family, **sizes.read(), **(settings or {})})
    own = {name: value for name, value in encoder.state_dict().items() if not name.endswith(_COUNTED)}
    names = {name: naming.theirs(name, sizes.second) for name in own}
    problems = [f"no {theirs}, expected {_shape(own[ours])}" for ours, theirs in names.items() if theirs not in tensors]
    problems += [
        f"{theirs} of shape {_shape(tensors[theirs])}, expected {_shape(own[ours])}"
        for ours, theirs in names.items()
        if theirs in tensors and tensors[theirs].shape != own[ours].shape
    ]
    unknown = set(tensors) - set(names.values())
    problems += [f"{name}, which {naming.program} does not have" for name in sorted(unknown)]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"{where} has {'; '.join(problems[:3])}{more}: it is not the {naming.family} of {naming.program}; import "
            "the file as its program wrote it"
        )
    encoder.load_state_dict({name: tensors[names[name]].float() for name in own}, strict=False)
    if encoder.config.classes != CLASSES:
        raise InputError(
            f"{where} tells {encoder.config.classes} classes apart: expected emg2qwerty's 98 keys and the blank"
        )
    return Foreign(encoder.eval(), naming.program)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Settings of an encoder as its tensors' shapes tell them."""

    naming: Naming
    tensors: Mapping[str, Tensor]
    where: str

    def read(self) -> dict[str, Any]:
        """Settings by name."""
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
            sizes["bidirectional"] = naming.theirs("lstm.weight_hh_l0_reverse") in self.tensors
        else:
            blocks = rf"{re.escape(naming.blocks)}\.tds_conv_blocks\.(\d+)\.conv2d\.weight"
            sizes["blocks"] = self._count(blocks)
            sizes["channels"] = self._dimension("conv_blocks.0.conv.weight", 0)
            sizes["kernel"] = self._dimension("conv_blocks.0.conv.weight", 3)
        return sizes

    @property
    def second(self) -> int:
        """Place of an FC block's second linear layer: behind ReLU, or behind ReLU and a dropout."""
        return 3 if any(re.search(r"\.fc_block\.3\.weight$", name) for name in self.tensors) else 2

    def _count(self, pattern: str) -> int:
        return len({match[1] for name in self.tensors if (match := re.fullmatch(pattern, name))})

    def _dimension(self, ours: str, axis: int) -> int:
        name = self.naming.theirs(ours, self.second)
        if name not in self.tensors or self.tensors[name].ndim <= axis:
            found = _shape(self.tensors[name]) if name in self.tensors else "nothing"
            raise InputError(
                f"{self.where} has the names of {self.naming.program}, but {name} is {found}: expected its weights; "
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
        if isinstance(value, Tensor) and not str(name).endswith(_COUNTED)
    }
    if not weights:
        raise InputError(f"{where} holds no state dict of tensors: expected a checkpoint with its weights")
    return weights


def _shape(tensor: Tensor) -> str:
    return f"[{', '.join(map(str, tensor.shape))}]"
