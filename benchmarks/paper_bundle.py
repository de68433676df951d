"""Make a bundle with an encoder of the paper's size and random weights, and the demo's language model.

Speed does not depend on the weights' values, but text does: with plain random weights the beam types all the time or
never. So the input norm and the head are set on a simulated session: nine frames of ten are blank, and the others are
certain of a key, which gives about as many text events a second as the demo's trained encoder.
"""

import multiprocessing
import shutil
from pathlib import Path

import numpy as np

from adapters.sessions.format import LAYOUT
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from emgtype.texts import load_text
from messages.model_facts import StftFacts
from messages.signal import F32, Chunk
from simulator.person import make_person
from simulator.session import typing_session
from streamer.front_end.stft import Spectrogram

HOP = 4
_SECONDS = 40.0
_BLANKS = 0.9
"""Share of frames whose best label is the blank: 0.91 with a trained encoder (`benchmarks.synthetic_emissions`)."""
_SPREAD = 6.0
"""Standard deviation of a key's logit over time, in nats: the best key stands out, as in a trained encoder."""


def simulated_samples(seconds: float) -> F32:
    """Return (T, bands, electrodes) µV of a person typing the demo's text, at most so many seconds."""
    session = typing_session(make_person(1), 4000, load_text("demo"), seconds)
    return np.concatenate([chunk.samples for chunk in session.chunks()])


def paper_bundle(folder: Path, language_model: Path = Path("exported/demo")) -> Path:
    """Make the bundle in a folder.

    In a process of its own, since torch would add to the memory of the measuring process.
    """
    maker = multiprocessing.get_context("spawn").Process(target=_make, args=(folder, language_model))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise RuntimeError(f"making the bundle ended with code {maker.exitcode}: see its messages above")
    return folder


def _make(folder: Path, language_model: Path) -> None:
    # Here, so that torch and onnx are loaded in this process alone.
    import onnx  # noqa: PLC0415
    import torch  # noqa: PLC0415

    from training.export.bundle import export_bundle, facts_of  # noqa: PLC0415
    from training.export.checkpoint import TrainedEncoder  # noqa: PLC0415
    from training.export.quantise import calibrate, dense_layers, quantise_graph, write_int8  # noqa: PLC0415
    from training.models.tds import TDSConfig, TDSEncoder  # noqa: PLC0415

    torch.manual_seed(0)
    samples = simulated_samples(_SECONDS)
    chunk = Chunk(samples, np.arange(len(samples)) / LAYOUT.rate, LAYOUT)
    frames = Spectrogram(StftFacts(), LAYOUT).push(chunk).values
    encoder = TDSEncoder(TDSConfig().for_frames(LAYOUT, StftFacts().bins)).eval()
    x = torch.from_numpy(frames)
    with torch.no_grad():
        statistics = x.flatten(1, 2)  # (F, bands, electrodes, bins) → (F, bands · electrodes, bins)
        norm, head = encoder.input_norm, encoder.head
        norm.running_mean, norm.running_var = statistics.mean((0, 2)), statistics.var((0, 2))
        logits = head(encoder.features(x[None])[0])[:, :-1]  # (F', keys)
        gain = _SPREAD / logits.std(0)
        keys = gain * (logits - logits.mean(0))
        head.weight[:-1] *= gain[:, None]
        head.bias[:-1] = gain * (head.bias[:-1] - logits.mean(0))
        head.weight[-1] = 0
        head.bias[-1] = torch.quantile(keys.amax(1), _BLANKS)
    trained = TrainedEncoder(encoder, LAYOUT, StftFacts(), {}, 0)
    facts = facts_of(trained, name="paper-size", hop=HOP, provenance={})
    export_bundle(encoder, folder, facts, "Random weights: for measuring speed.", hops=(HOP,))
    graph = onnx.load(folder / "encoder.onnx")
    model = quantise_graph(graph, calibrate(graph, facts, [frames]), dense_layers(graph))
    write_int8(model, facts, folder, {})
    for name in (LM_BINARY, LM_TABLES, LM_FACTS):
        shutil.copyfile(language_model / name, folder / name)
