"""Make a bundle's int8 encoder, and write it only together with its comparison on held-out sessions."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx

from adapters.bundles.checksums import write_checksums
from adapters.sessions.reader import SessionReader
from decoder.metrics import CerDifference, CharacterErrors, cer_difference
from emgtype.config import DecoderConfig
from emgtype.evaluation.decoding import GREEDY, Decoding, Task, live
from emgtype.evaluation.workers import Processes
from emgtype.models.bundle import Bundle, check_length
from emgtype.models.pipelines import OFFLINE
from emgtype.places import ENCODERS
from messages.charset import text_to_labels
from messages.errors import InputError
from messages.model_facts import Precision
from messages.signal import F32, Frames
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.choice import open_front_end
from training.export.quantise import Dense, Range, calibrate, dense_layers, quantise_graph, write_int8

_CALIBRATION_S = 240
"""Seconds of each session that the ranges of the layers' inputs are taken from, at most."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An int8 encoder compared with the float32 encoder that it was made from."""

    kept: tuple[str, ...]
    """Dense layers left in fp32, by the names of their products in the graph."""
    greedy: CerDifference
    """CER of int8 minus CER of fp32, greedy, in percentage points."""
    live: CerDifference
    """The same difference with the beam and the language model as `serve` runs them."""
    cer: dict[str, float]
    """CER in %, by decoding and precision: "greedy fp32", "live int8" ..."""
    sessions: tuple[str, ...]
    """Names of the held-out sessions."""
    keys: int
    """Count of the keys typed in `sessions`."""


def quantise(
    bundle: Bundle,
    config: DecoderConfig,
    calibration: Sequence[Path],
    held_out: Sequence[Path],
    tolerance: float,
    notify: Callable[[str], None],
) -> Comparison:
    """Write encoder.int8.onnx into a bundle.

    Args:
        bundle: Opened in fp32.
        config: Settings of the beam for the live comparison.
        calibration: Sessions from which the ranges of the layers' inputs are taken; best are training sessions.
        held_out: Sessions on which int8 and fp32 are compared.
        tolerance: Percentage points of CER, greedy or live, that int8 may cost. While it costs more, one more layer
            stays in fp32, the most sensitive first.
        notify: Gets a sentence when a step begins.

    Raises:
        InputError: A session does not fit, or no mixture of layers is within the tolerance; nothing was written.
    """
    graph = onnx.load(bundle.encoder)
    layers = dense_layers(graph)
    notify("calibrating")
    sessions = [_frames(bundle, path) for path in calibration]
    ranges = calibrate(graph, bundle.facts, sessions)
    order = _by_sensitivity(bundle, graph, layers, ranges, sessions[0])
    for count in range(len(layers)):
        chosen = [layer for layer in layers if layer not in order[:count]]
        model = quantise_graph(graph, ranges, chosen)
        notify(f"comparing with {count} of {len(layers)} dense layers in fp32" if count else "comparing")
        with tempfile.TemporaryDirectory(dir=bundle.folder.parent, prefix=f".{bundle.folder.name}-") as folder:
            draft = Path(folder)
            for file in bundle.folder.iterdir():
                if file.name != ENCODERS["int8"]:
                    (draft / file.name).symlink_to(file.resolve())
            write_int8(model, bundle.facts, draft, {})
            comparison = _compare(
                draft, live(bundle, config), held_out, tuple(layer.product for layer in order[:count])
            )
            if max(comparison.greedy.difference, comparison.live.difference) <= tolerance:
                write_int8(model, bundle.facts, draft, asdict(comparison))
                (draft / ENCODERS["int8"]).replace(bundle.folder / ENCODERS["int8"])
                write_checksums(bundle.folder)
                return comparison
    raise InputError(
        f"in int8 {bundle.facts.name} loses more than {tolerance:g} points of CER, whichever layers stay in fp32; "
        "nothing was written: calibrate with more sessions, or allow more with --tolerance"
    )


def _frames(bundle: Bundle, path: Path) -> F32:
    with SessionReader(path) as session:
        bundle.facts.require(session.layout)
        check_length(session, bundle.facts)
        chunk = session.read(0, min(len(session), round(_CALIBRATION_S * session.layout.rate)))
    return open_front_end(bundle.facts.front_end, bundle.facts.layout).push(chunk).masked()


def _by_sensitivity(
    bundle: Bundle, graph: onnx.ModelProto, layers: Sequence[Dense], ranges: Mapping[str, Range], frames: F32
) -> list[Dense]:
    """Sort the layers by the Kullback-Leibler divergence of emissions with that layer alone in int8, highest first."""
    before = _emissions(graph, bundle, frames)

    def divergence(layer: Dense) -> float:
        after = _emissions(quantise_graph(graph, ranges, [layer]), bundle, frames)
        return float((np.exp(before) * (before - after)).sum(axis=-1).mean())

    return sorted(layers, key=divergence, reverse=True)


def _emissions(graph: onnx.ModelProto, bundle: Bundle, frames: F32) -> F32:
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(graph, file.name)
        encoder = OnnxEncoder.load(file.name, OFFLINE, bundle.facts)
    return encoder.push(Frames.complete(frames, np.zeros(len(frames)))).log_probs


def _compare(folder: Path, decoding: Decoding, sessions: Sequence[Path], kept: tuple[str, ...]) -> Comparison:
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    tasks = [Task(path, folder, "", (GREEDY, decoding), precision) for precision in precisions for path in sessions]
    errors: dict[tuple[Precision, Path], dict[str, CharacterErrors]] = {}
    for task, decoded in Processes().run(tasks):
        if isinstance(decoded, str):
            raise InputError(f"{task.session}: {decoded}")
        truth = text_to_labels(decoded.truth)
        errors[task.precision, task.session] = {
            name: CharacterErrors.between(text_to_labels(decoded.readings[key]), truth)
            for name, key in (("greedy", GREEDY.key), ("live", decoding.key))
        }

    def of(name: str, precision: Precision) -> list[CharacterErrors]:
        return [errors[precision, path][name] for path in sessions]

    names = ("greedy", "live")
    greedy, with_beam = (cer_difference(of(name, "int8"), of(name, "fp32")) for name in names)
    cer = {f"{name} {p}": sum(of(name, p), CharacterErrors()).cer for name in names for p in precisions}
    keys = sum(of("greedy", "fp32"), CharacterErrors()).target
    return Comparison(kept, greedy, with_beam, cer, tuple(path.stem for path in sessions), keys)
