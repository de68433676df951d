"""Run other CTC decoders on recordings from `benchmarks.decoder_against_peers`, in an environment of their own.

Needs numpy, kenlm, and those of flashlight-text, ctc-beam-decoder and pyctcdecode that are to be measured. It needs
nothing of emgtype, whose numpy does not suit pyctcdecode. All decoders get the same beam, pruning and language model; a
job states the weights.

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
"""Turns (frames, classes) log-probabilities into labels, and µs per frame: of each, or one mean of a whole call."""


def flashlight(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """Open flashlight-text's LexiconFreeDecoder, one frame per call; reading its text is not timed."""
    from flashlight.lib.text.decoder import CriterionType, LexiconFreeDecoder, LexiconFreeDecoderOptions
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    words, blank = Dictionary(), len(s["words"])
    for word in s["words"]:
        words.add_entry(word)
    # KenLM's logarithms are decimal. The only bonus here is that of the space.
    weight = job["weight"] * math.log(10)
    options = LexiconFreeDecoderOptions(
        s["beam"], s["labels"], s["threshold"], weight, job["bonus"], True, CriterionType.CTC
    )
    decoder = LexiconFreeDecoder(options, KenLM(s["lm"], words), s["words"].index(s["space"]), blank, [])

    def decode(rows: Any) -> tuple[list[int], list[float]]:
        us, frames = [], np.ascontiguousarray(rows, np.float32)
        decoder.decode_begin()
        for row in frames:
            start = time.perf_counter_ns()
            decoder.decode_step(row.ctypes.data, 1, len(row))
            us.append((time.perf_counter_ns() - start) / 1000)
        decoder.decode_end()
        path = list(decoder.get_all_final_hypothesis()[0].tokens)
        collapsed = [label for i, label in enumerate(path) if not i or label != path[i - 1]]
        return [label for label in collapsed if 0 <= label < blank], us

    return decode


def _by_words(build: Callable[..., Any], s: dict[str, Any], job: dict[str, Any]) -> Decode:
    numbers = {word: label for label, word in enumerate(s["words"])}
    names = [f"▁{word}" for word in s["words"]]
    decoder = build([*names, ""], s["lm"], alpha=job["weight"], beta=job["bonus"], unk_score_offset=0.0)

    def decode(rows: Any) -> tuple[list[int], list[float]]:
        start = time.perf_counter_ns()
        text = decoder.decode(rows, beam_width=s["beam"], beam_prune_logp=-s["threshold"], token_min_logp=s["floor"])
        us = (time.perf_counter_ns() - start) / 1000 / len(rows)
        return [numbers[word] for word in text.split(" ") if word], [us]

    return decode


def pyctcdecode(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """Open pyctcdecode, which decodes whole recordings."""
    from pyctcdecode import build_ctcdecoder

    return _by_words(build_ctcdecoder, s, job)


def ctc_beam_decoder(s: dict[str, Any], job: dict[str, Any]) -> Decode:
    """Open ctc-beam-decoder (C++), which decodes whole recordings."""
    from ctc_beam_decoder import build_ctcdecoder

    return _by_words(build_ctcdecoder, s, job)


PEERS = {"flashlight-text": flashlight, "ctc-beam-decoder": ctc_beam_decoder, "pyctcdecode": pyctcdecode}


def results(file: Path) -> Iterator[dict[str, Any]]:
    """Yield labels and µs for each job and recording."""
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
            labels, us = decode(recordings[name])
            yield {"job": number, "recording": name, "labels": labels, "us": us}


if __name__ == "__main__":
    for result in results(Path(sys.argv[1])):
        print(json.dumps(result), flush=True)
