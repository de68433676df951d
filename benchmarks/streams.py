"""Measure how many people one core decodes in real time, and check that a common batch changes nobody's text.

The encoder alone: one batched call of the paper-size encoder for all people, back to back. The whole chain: samples of
all people, 16 at a time as a radio delivers them, through ring, spectrogram, the common encoder, the beam with the
language model and the commit rule (without LSL and ZeroMQ, which are partly other processes' work). A figure is people
× seconds of signal / seconds of computing. The check decodes simulated sessions, one for each person of a batch, with a
trained bundle, alone and together.

    python -m benchmarks.streams
    python -m benchmarks.streams --check-minutes 0      # without the check
"""

import os

from emgtype.models.pipelines import stages_of

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy comes: one core

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.paper_bundle import paper_bundle, simulated_samples
from benchmarks.results import command_line, publish
from decoder.ctc.commit import Committer
from emgtype.config import load_config
from emgtype.models.bundle import Bundle, open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.texts import load_text
from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import Precision
from messages.signal import F32, Chunk
from messages.text import KeySequence
from simulator.person import make_person
from simulator.session import typing_session
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.stream import OnnxEncoder
from streamer.group import PipelineGroup
from streamer.pipeline import Pipeline

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
PIECE = 16
"""Samples of each person a time."""


def group_of(bundle: Bundle, people: int, hop: int, emissions: Sequence[list[Emission]] = ()) -> PipelineGroup:
    """Return as many pipelines as people over one batch.

    The encoder's output for each person is appended to `emissions`, if given.
    """
    batch = EncoderBatch(str(bundle.encoder), hop, people, bundle.facts)
    config = load_config().decoder
    taps: list[Callable[[Emission], None] | None] = [kept.append for kept in emissions]
    encoders = [OnnxEncoder(batch, n) for n in range(people)]
    pipelines = []
    for encoder, tap in zip(encoders, taps or [None] * people, strict=True):
        decoder = Committer(beam_for(scorer_for(bundle, config.language_model), config), config.commit)
        pipelines.append(Pipeline(stages_of(bundle, encoder, decoder), bundle.facts))
        pipelines[-1].tap = tap
    return PipelineGroup(pipelines, encoders)


def encoder_alone(bundle: Bundle, people: int, hop: int, seconds: float) -> float:
    """Return the count of people in real time, from the median call."""
    batch = EncoderBatch(str(bundle.encoder), hop, people, bundle.facts)
    rng = np.random.default_rng(0)
    hops = rng.normal(0, 1, (people, hop, *bundle.facts.front_end.shape(bundle.facts.layout))).astype(np.float32)
    everybody, took = range(people), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        batch.run(everybody, list(hops))
        took.append(time.perf_counter() - start)
    return people * hop * bundle.facts.front_end.hop / bundle.facts.layout.rate / float(np.median(took))


def whole_chain(bundle: Bundle, people: int, hop: int, samples: F32, seconds: float) -> float:
    """Return the count of people in real time; all type the same text, each a second later than the last."""
    layout = bundle.facts.layout
    group = group_of(bundle, people, hop)
    second = round(layout.rate)
    began, pushed = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        times = (pushed + np.arange(PIECE)) / layout.rate
        rows = (pushed + np.arange(PIECE) + second * np.arange(people)[:, None]) % len(samples)
        group.push({n: Chunk(samples[rows[n]], times, layout) for n in range(people)})
        pushed += PIECE
    return people * pushed / layout.rate / (time.perf_counter() - began)


def check(bundle: Bundle, people: int, hop: int, minutes: float) -> dict[str, Any]:
    """Return the largest difference of emissions, and the count of keys that differ, together against alone."""
    layout, text = bundle.facts.layout, load_text("demo")
    person = make_person(1)
    chunks = [
        [*typing_session(person, 5000 + n, text, 60 * minutes).chunks()]
        for n in track(range(people), "simulating", transient=True)
    ]
    alone = [_run(bundle, hop, [mine])[0] for mine in track(chunks, "alone", transient=True)]
    together = _run(bundle, hop, chunks)
    differences, keys, differing = [], 0, 0
    for (one, labels), (other, others) in zip(alone, together, strict=True):
        first, second = (np.concatenate([emission.log_probs for emission in each]) for each in (one, other))
        differences.append(float(np.abs(first - second).max()))
        keys += len(labels)
        differing += labels != others
    samples = sum(len(chunk.times) for mine in chunks for chunk in mine)
    return {
        "bundle": bundle.facts.name,
        "people": people,
        "hours": samples / layout.rate / 3600,
        "largest_difference_nats": max(differences),
        "keys": keys,
        "texts_that_differ": differing,
    }


def _run(bundle: Bundle, hop: int, chunks: Sequence[Sequence[Chunk]]) -> list[tuple[list[Emission], list[int]]]:
    """Return the emissions and final labels of each person."""
    emissions: list[list[Emission]] = [[] for _ in chunks]
    group, texts = group_of(bundle, len(chunks), hop, emissions), [KeySequence() for _ in chunks]
    for step in range(max(map(len, chunks))):
        for n, events in group.push({n: mine[step] for n, mine in enumerate(chunks) if step < len(mine)}).items():
            if isinstance(events, InputError):
                raise events
            for event in events:
                texts[n].push(event)
    for text, pipeline in zip(texts, group.pipelines, strict=True):
        for event in pipeline.finish():
            text.push(event)
    return [(outputs, [key.label for key in text.final]) for outputs, text in zip(emissions, texts, strict=True)]


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 4, 16, 32, 64])
    parser.add_argument("--hop", type=int, default=4, help="frames per call")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure")
    parser.add_argument("--check-minutes", type=float, default=4.0, help="of each of the check's 16 people; 0: none")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    table = Table(f"people in real time, one core, {options.hop} frames a call")
    for people in options.people:
        table.add_column(f"batch {people}", justify="right")
    with tempfile.TemporaryDirectory() as folder:
        paper = str(paper_bundle(Path(folder, "paper")))
        samples = simulated_samples(40.0)
        for precision in PRECISIONS:
            bundle = open_bundle(paper, precision)
            work = track(options.people, f"{precision}, encoder", transient=True)
            encoder = {n: encoder_alone(bundle, n, options.hop, options.seconds) for n in work}
            work = track(options.people, f"{precision}, whole chain", transient=True)
            chain = {n: whole_chain(bundle, n, options.hop, samples, options.seconds) for n in work}
            table.add_row(f"{precision}, encoder alone", *(f"{encoder[n]:.1f}" for n in options.people))
            table.add_row("  whole chain", *(f"{chain[n]:.1f}" for n in options.people))
            figures[precision] = {"encoder": encoder, "chain": chain}
    tables: list[Table | str] = [table]
    for precision in PRECISIONS if options.check_minutes else ():
        row = check(open_bundle("demo", precision), 16, options.hop, options.check_minutes)
        figures[f"check {precision}"] = row
        tables.append(
            f"{precision}, {row['people']} people together against each alone, {row['hours']:.2f} h: emissions "
            f"differ by at most {row['largest_difference_nats']:.1e} nats, {row['texts_that_differ']} texts differ "
            f"({row['keys']} keys)"
        )
    publish(options, tables, figures)


if __name__ == "__main__":
    main()
