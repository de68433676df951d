"""Hot words from flags and settings, with and without a language model."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from messages.charset import BLANK, CLASSES, LABELS, labels_to_text
from messages.emission import Emission

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(("weight", "backend"), [(None, "flat"), (None, "kenlm"), (0.0, "flat")])
def test_they_are_heard_with_and_without_a_language_model(
    weight: float | None, backend: Literal["flat", "kenlm"]
) -> None:
    config = load_config().decoder
    language = replace(config.language_model, weight=weight, backend=backend)
    probs = np.full((9, CLASSES), 1e-4)
    for frame, keys in zip(probs, ["z", "_", "y", "_", "rt", "_", "e", "_", " "], strict=True):
        frame[[BLANK if key == "_" else LABELS[key] for key in keys]] = [1.0, 0.2][: len(keys)]
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    texts = []
    for words in ((), ("zyte",)):
        chosen = replace(language, hot_words=words, hot_weight_nats=3.0)
        beam = beam_for(scorer_for(open_bundle("demo"), chosen), replace(config, language_model=chosen))
        beam.push(Emission(log_probs, 0.008 * np.arange(9, dtype=np.float64)))
        texts.append(labels_to_text(beam.best().labels))
    assert texts[0] != texts[1] == "zyte "


def test_flags_of_replay(emgtype: Run, session_file: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Ann\n\nSivakumar:2\n")
    done = emgtype("replay", session_file, "--fast", "--json", "--hot-word", "emgtype:1.5", "--hot-words", "names.txt")
    assert done.returncode == 0, done.stderr
    for flags, because in {
        ("--hot-word", "café"): "the hot word 'café' has é",
        ("--hot-word", "Ann:0", "--hot-words", "names.txt"): "the hot word 'Ann' weighs 0",
        ("--hot-word", "Ann:3", "--hot-words", "names.txt"): "has the weights 3 and 1",
        ("--hot-words", "none.txt"): "none.txt",
    }.items():
        refused = emgtype("replay", session_file, "--fast", *flags)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert because in refused.stderr
