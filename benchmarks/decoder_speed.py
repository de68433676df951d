"""Time per frame of the live decoder (beam, language model, commit rule), and the error rates that it reaches there.

Emissions are made from a key sequence, peaky as those of a well trained encoder or flat as those of a poor one; what is
told about errors is a check that the work measured is real work, not a result about an encoder.

    python -m benchmarks.decoder_speed                   # the repository's text and the demo's LM
    python -m benchmarks.decoder_speed --keys FILE.npz   # real keys: onset, key, key_names, session
"""

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from decoder.beam import BeamSettings, PrefixBeam
from decoder.charset import BACKSPACE, BLANK, CLASSES, LABELS, key_name_to_label, text_to_labels
from decoder.committer import Committer
from decoder.flat_lm import FlatScorer, FlatTables
from decoder.greedy import GreedyDecoder
from decoder.kenlm_lm import load_scorer
from decoder.lm import LanguageModelFacts, LanguageScorer, NoLanguageModel
from decoder.messages import Emission
from decoder.metrics import CharacterErrors
from decoder.render import KeySequence
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES

FRAME = 0.008
BEAM = BeamSettings().beam
Keys = list[tuple[int, float]]


def typed_text(text: str, minutes: float, rng: np.random.Generator) -> Keys:
    """(label, seconds) of a text typed with log-normal intervals and 3 % typos, each followed by a ⌫."""
    keys: Keys = []
    now = 1.0
    for label in text_to_labels(text):
        typo = [int(rng.integers(26)), LABELS[BACKSPACE]] if rng.random() < 0.03 else []
        for pressed in [*typo, label]:
            keys.append((pressed, now))
            now += 0.5 if pressed == LABELS[BACKSPACE] else float(np.exp(rng.normal(-1.89, 0.56)))
        if now > 60 * minutes:
            break
    return keys


def recorded_keys(path: Path, minutes: float) -> Keys:
    """(label, seconds) of the file's first sessions, pauses cut to 2 s."""
    with np.load(path) as file:
        onset, key, session = file["onset"], file["key"], file["session"]
        labels = [key_name_to_label(str(name)) for name in file["key_names"]]
    onset = onset[np.argsort(session, kind="stable")]
    steps = np.clip(np.diff(onset, prepend=onset[0]), 0.0, 2.0)
    times = 1 + np.cumsum(steps)
    return [
        (label, t)
        for k, t in zip(key, times.tolist(), strict=True)
        if t < 60 * minutes and (label := labels[k]) is not None
    ]


def emissions(keys: Keys, flat: bool, rng: np.random.Generator) -> Emission:
    """Log-probabilities that spell the keys: a bump of a few frames at each, sometimes higher for a wrong key."""
    blank, noise, height, slip = (7.0, 1.2, 10.0, 3.5) if flat else (12.0, 1.0, 15.0, 5.0)
    frames = int(keys[-1][1] / FRAME) + 250
    logits = rng.normal(0, noise, (frames, CLASSES))
    logits[:, BLANK] += blank
    for label, at in keys:
        centre = at / FRAME + rng.normal(0, 1)
        near = np.arange(int(centre) - 2, int(centre) + 4)
        bump = np.exp(-0.5 * ((near - centre) / 1.2) ** 2)
        logits[near, label] += height * bump
        for rival in rng.integers(0, 97, 3):  # neighbours of the key
            logits[near, rival] += bump * (height - slip + rng.normal(0, 1.5))
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(logits.astype(np.float32), np.arange(frames, dtype=np.float64) * FRAME)


def measure(
    scorer: LanguageScorer, width: int, emission: Emission, hop: int
) -> tuple[npt.NDArray[np.float64], list[int], int]:
    """µs per frame of each push, final labels, and most nodes in memory."""
    beam = PrefixBeam(BeamSettings(beam=width), scorer)
    committer, text = Committer(beam), KeySequence()
    took, size = [], 0
    for first in range(0, len(emission.times), hop):
        part = slice(first, first + hop)
        piece = Emission(emission.log_probs[part], emission.times[part])
        start = time.perf_counter_ns()
        event = committer.push(piece)
        took.append((time.perf_counter_ns() - start) / 1000 / len(piece.times))
        if event:
            text.push(event)
        size = max(size, beam.size)
    if last := committer.finish():
        text.push(last)
    return np.array(took), [key.label for key in text.final], size


def scorers(folder: Path) -> dict[str, LanguageScorer]:
    """Who may score: the flat tables, KenLM, nobody."""
    facts = LanguageModelFacts.from_json((folder / LM_FACTS).read_text(encoding="utf-8"))
    return {
        "flat": FlatScorer(FlatTables.load(str(folder / LM_TABLES)), facts),
        "kenlm": load_scorer(str(folder / LM_BINARY), facts),
        "none": NoLanguageModel(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lm", type=Path, default=Path("exported/demo"), help="folder of a language model")
    parser.add_argument("--keys", type=Path, help="key sequence (npz) instead of the repository's text")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--hop", type=int, default=1, help="frames per push")
    parser.add_argument("--beams", type=int, nargs="+", default=[10, 50, 100, 500])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    if options.keys:
        keys = recorded_keys(options.keys, options.minutes)
    else:
        with gzip.open("data/english.txt.gz", "rt", encoding="utf-8") as file:
            keys = typed_text(file.read(400_000)[300_000:], options.minutes, rng)
    truth = [label for label, _ in keys]
    known = scorers(options.lm)
    table = Table("emissions", "LM", "beam", "p50", "p95", "p99", "max", "mean, µs", "nodes", "CER %", "greedy %")
    for name, flat in (("peaky", False), ("flat", True)):
        emission = emissions(keys, flat, rng)
        floor = CharacterErrors.between([key.label for key in GreedyDecoder().push(emission)], truth).cer
        for kind, width in [*(("flat", beam) for beam in options.beams), ("kenlm", BEAM), ("none", BEAM)]:
            took, labels, size = measure(known[kind], width, emission, options.hop)
            figures = [f"{value:.1f}" for value in (*np.percentile(took, [50, 95, 99]), took.max(), took.mean())]
            cer = CharacterErrors.between(labels, truth).cer
            table.add_row(name, kind, str(width), *figures, str(size), f"{cer:.2f}", f"{floor:.2f}")
    console = Console(highlight=False)
    console.print(f"{len(truth)} keys in {options.minutes:g} minutes, LM {options.lm}, {options.hop} frames per push")
    console.print(table)


if __name__ == "__main__":
    main()
