"""Other CTC decoders on recordings that `benchmarks.decoder_against_peers` made; runs in an environment of its own.

Needs numpy and, of flashlight-text, ctc-beam-decoder, pyctcdecode and kenlm, what is to be measured, and nothing of
emgtype, whose numpy pyctcdecode does not bear. All get the same width and pruning of the
beam and the same language model; a job says with which weights.

A key is a word of one character to pyctcdecode and to ctc-beam-decoder, so that a model over keys can score it.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Decode = Callable[[Any], tuple[list[int], list[float]]]
"""(frames, classes) log-probabilities to labels, and µs of each frame, or one mean where all came in one call."""


def flashlight(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """flashlight-text's LexiconFreeDecoder, one frame per call; what asking it for the text costs is not counted."""
    from flashlight.lib.text.decoder import CriterionType, LexiconFreeDecoder, LexiconFreeDecoderOptions
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    words, blank = Dictionary(), len(s["words"])
    for word in s["words"]:
        words.add_entry(word)
    weight = job["weight"] * math.log(10)  # on KenLM's decimal logarithms; of bonuses it knows that of the space alone
    options = LexiconFreeDecoderOptions(
        s["beam"], s["labels"], s["threshold"], weight, job["bonus"], True, CriterionType.CTC
    )
    decoder = LexiconFreeDecoder(options, KenLM(s["lm"], words), s["words"].index(s["space"]), blank, [])

    def decode(rows: Any) -> tuple[list[int], list[float]]:
        took, frames = [], np.ascontiguousarray(rows, np.float32)
        decoder.decode_begin()
        for row in frames:
            start = time.perf_counter_ns()
            decoder.decode_step(row.ctypes.data, 1, len(row))
            took.append((time.perf_counter_ns() - start) / 1000)
        decoder.decode_end()
        path = list(decoder.get_all_final_hypothesis()[0].tokens)
        collapsed = [label for i, label in enumerate(path) if not i or label != path[i - 1]]
        return [label for label in collapsed if 0 <= label < blank], took

    return decode


def _by_words(build: Callable[..., Any], s: dict[str, Any], job: dict[str, Any]) -> Decode:
    numbers = {word: label for label, word in enumerate(s["words"])}
    names = [f"▁{word}" for word in s["words"]]
    decoder = build([*names, ""], s["lm"], alpha=job["weight"], beta=job["bonus"], unk_score_offset=0.0)

    def decode(rows: Any) -> tuple[list[int], list[float]]:
        start = time.perf_counter_ns()
        text = decoder.decode(rows, beam_width=s["beam"], beam_prune_logp=-s["threshold"], token_min_logp=s["floor"])
        took = (time.perf_counter_ns() - start) / 1000 / len(rows)
        return [numbers[word] for word in text.split(" ") if word], [took]

    return decode


def pyctcdecode(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """pyctcdecode, whole recordings."""
    from pyctcdecode import build_ctcdecoder

    return _by_words(build_ctcdecoder, s, job)


def ctc_beam_decoder(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """ctc-beam-decoder (C++), whole recordings."""
    from ctc_beam_decoder import build_ctcdecoder

    return _by_words(build_ctcdecoder, s, job)


PEERS = {"flashlight-text": flashlight, "ctc-beam-decoder": ctc_beam_decoder, "pyctcdecode": pyctcdecode}


def results(file: Path) -> Iterator[dict[str, Any]]:
    """One per job and recording: labels and µs."""
    with np.load(file, allow_pickle=False) as data:
        settings = json.loads(str(data["settings"]))
        recordings = {name: data[name] for name in data.files if name != "settings"}
    for number, job in enumerate(settings["jobs"]):
        try:
            decode = PEERS[job["decoder"]](settings, job)
        except ImportError as error:
            yield {"job": number, "missing": str(error)}
            continue
        for name in job["recordings"]:
            labels, took = decode(recordings[name])
            yield {"job": number, "recording": name, "labels": labels, "took": took}


if __name__ == "__main__":
    for result in results(Path(sys.argv[1])):
        print(json.dumps(result), flush=True)
