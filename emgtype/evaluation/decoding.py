"""Decode one session with a bundle in several ways at once; runs in worker processes and on cluster nodes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from adapters.datasets.dataset import user_id
from adapters.sessions.format import SIMULATOR
from adapters.sessions.reader import SessionReader
from decoder.ctc.commit import Committer
from decoder.ctc.greedy import GreedyDecoder
from emgtype.config import DecoderConfig
from emgtype.models.bundle import Bundle, check_length, open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.models.personal import personal_layer
from emgtype.models.pipelines import OFFLINE, stages_of
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import Precision
from messages.signal import Chunk
from messages.text import KeySequence
from streamer.encoder.choice import open_encoder
from streamer.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Decoding:
    """A way to read emissions."""

    beam: DecoderConfig | None = None
    """Settings of the live beam, with the weight and bonus of the language model stated; None: greedy."""

    @property
    def key(self) -> str:
        """The decoding's name among the results of a session."""
        return "greedy" if self.beam is None else json.dumps(asdict(self.beam), sort_keys=True)

    @property
    def language_model(self) -> bool:
        """Whether a language model takes part."""
        return self.beam is not None and bool(self.beam.language_model.weight)


GREEDY = Decoding()


def live(bundle: Bundle, config: DecoderConfig, *, language_model: bool = True) -> Decoding:
    """Return the beam as `serve` runs it, with the language model weight and bonus that hold for a bundle."""
    facts, own = bundle.language_model, config.language_model
    if facts is None or not language_model or own.weight == 0:
        return Decoding(with_language_model(config, 0.0, 0.0))
    weight = facts.weight if own.weight is None else own.weight
    return Decoding(with_language_model(config, weight, facts.bonus if own.bonus_nats is None else own.bonus_nats))


def with_language_model(config: DecoderConfig, weight: float, bonus: float) -> DecoderConfig:
    """Return the settings with another weight and bonus (nats per key) of the language model."""
    return replace(config, language_model=replace(config.language_model, weight=weight, bonus_nats=bonus))


@dataclass(frozen=True, slots=True)
class Task:
    """A session to decode."""

    session: Path
    bundle: Path
    person: str
    """Name of the person whose layer of the bundle is applied; empty: no layer."""
    decodings: tuple[Decoding, ...]
    precision: Precision = "fp32"


@dataclass(frozen=True, slots=True)
class Decoded:
    """The keys typed in a session, and the keys that each decoding read."""

    user: str
    minutes: float
    """Length of the recording."""
    truth: str
    """Keys typed."""
    population: str | None
    """Hash of the simulated population; None: a real recording."""
    readings: Mapping[str, str]
    """Keys decoded, by the decoding's key."""


def attempt(task: Task) -> Decoded | str:
    """Decode a session, or return a sentence about the failure, so that the other sessions go on."""
    try:
        return decode(task)
    except InputError as refusal:
        return str(refusal)
    # One session of a thousand must not cost the rest, whatever its file raises.
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def decode(task: Task) -> Decoded:
    """Decode a session. Like the reference, it takes the samples as contiguous, whatever their times.

    Raises:
        InputError: The session or the bundle cannot be read, they do not fit, or nothing was typed.
    """
    bundle = open_bundle(str(task.bundle), task.precision)
    with SessionReader(task.session) as session:
        bundle.facts.require(session.layout)
        check_length(session, bundle.facts)
        truth = session.labels(session.start, session.end)
        if not truth:
            raise InputError(
                f"{task.session} does not record what was typed: expected key presses or prompts within the recording; "
                "record with them, or leave the session out"
            )
        readings = _AllDecoders(bundle, task.decodings)
        personal = personal_layer(bundle, task.person) if task.person else None
        stages = stages_of(bundle, open_encoder(str(bundle.encoder), OFFLINE, bundle.facts), personal=personal)
        pipeline = Pipeline(stages, bundle.facts)
        pipeline.tap = readings.push
        count = 0
        for chunk in session.chunks():
            # By their number, not by their stamps: a jump of the clock must not make keys older than the commit lag.
            times = np.arange(count, count + len(chunk.times)) / session.layout.rate
            pipeline.push(Chunk(chunk.samples, times, chunk.layout))
            count += len(chunk.times)
        pipeline.finish()
        readings.finish()
        origin = session.origin.get(SIMULATOR)
        return Decoded(
            user_id(session.user),
            len(session) / session.layout.rate / 60,
            labels_to_text(truth),
            None if origin is None else _population(origin),
            readings.texts(),
        )


class _AllDecoders:
    """Hands every emission of a pipeline to all decodings, so that the encoder runs once."""

    def __init__(self, bundle: Bundle, decodings: tuple[Decoding, ...]) -> None:
        self._greedy = GreedyDecoder()
        self._greedy_labels: list[int] = []
        self._beams = {d.key: (_committer(bundle, d.beam), KeySequence()) for d in decodings if d.beam is not None}

    def push(self, emission: Emission) -> None:
        """Decode the frames with every decoding."""
        self._greedy_labels += [key.label for key in self._greedy.push(emission)]
        for committer, keys in self._beams.values():
            for event in committer.push(emission):
                keys.push(event)

    def finish(self) -> None:
        """Make all keys final."""
        for committer, keys in self._beams.values():
            for event in committer.finish():
                keys.push(event)

    def texts(self) -> dict[str, str]:
        """Return the keys read, by the decoding's key."""
        beams = {name: labels_to_text(key.label for key in keys.final) for name, (_, keys) in self._beams.items()}
        return {GREEDY.key: labels_to_text(self._greedy_labels), **beams}


def _committer(bundle: Bundle, config: DecoderConfig) -> Committer:
    return Committer(beam_for(scorer_for(bundle, config.language_model), config), config.commit)


def _population(origin: str) -> str:
    try:
        return str(json.loads(origin)["population"])
    except (ValueError, TypeError, KeyError):
        return "unknown"
