"""Pipelines put together from a bundle and settings."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from emgtype.config import Config
from emgtype.models.bundle import Bundle
from emgtype.models.decoders import open_decoders
from emgtype.models.personal import personal_layer
from messages.emission import Emission
from messages.model_facts import CtcFacts, ModelFacts, StftFacts
from streamer.activity.idle_gate import IdleGate
from streamer.arrival.gaps import MAX_GAP
from streamer.conditioning.corrections import conditioner
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.choice import open_encoder
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.stream import OnnxEncoder
from streamer.front_end.choice import open_front_end
from streamer.group import PipelineGroup
from streamer.pipeline import HISTORY, Pipeline
from streamer.stages import Decoder, FrameEncoder, NoDecoder, Observer, PipelineOptions, Stages, unobserved

OFFLINE = 128
"""Frames per encoder call if nobody waits for a hop: arithmetic bounds it then, and longer blocks gain nothing."""


def assemble(
    bundle: Bundle,
    config: Config,
    observer: Observer = unobserved,
    tap: Callable[[Emission], None] | None = None,
    block: int | None = None,
) -> Pipeline:
    """Make the pipeline of a bundle with these settings (observer and tap as in Pipeline).

    `block`: frames per encoder call if not the hop, for recordings (OFFLINE); the text is the same.
    """
    encoder = open_encoder(str(bundle.encoder), block or config.pipeline.hop_frames, bundle.facts)
    (decoder,) = open_decoders(bundle, config)
    pipeline = _pipeline(bundle, config, encoder, decoder, observer)
    pipeline.tap = tap
    return pipeline


def assemble_group(
    bundle: Bundle, configs: Sequence[Config], observers: Sequence[Observer], together: Observer = unobserved
) -> PipelineGroup:
    """Make one pipeline for each person; they share the bundle's encoder and the language model's tables.

    Args:
        bundle: A bundle whose model streams.
        configs: Settings of each person; hop and decoder must be the same for all.
        observers: Observe each person's stages.
        together: Observes the calls of the encoder that all share.

    Raises:
        InputError: As `assemble`, of any of them.
    """
    batch = EncoderBatch(str(bundle.encoder), configs[0].pipeline.hop_frames, len(configs), bundle.facts)
    decoders = open_decoders(bundle, configs[0], len(configs))
    encoders = [OnnxEncoder(batch, stream) for stream in range(len(configs))]
    pipelines = [
        _pipeline(bundle, config, encoder, decoder, observer, HISTORY)
        for config, encoder, decoder, observer in zip(configs, encoders, decoders, observers, strict=True)
    ]
    return PipelineGroup(pipelines, encoders, together)


def stages_of(
    bundle: Bundle, encoder: FrameEncoder, decoder: Decoder | None = None, personal: PersonalLayer | None = None
) -> Stages:
    """Join the front end of a bundle with an encoder, and a decoder if there is one; without corrections or gate."""
    front_end = open_front_end(bundle.facts.front_end, bundle.facts.layout)
    return Stages(front_end, encoder, decoder or NoDecoder(), personal=personal)


def _pipeline(
    bundle: Bundle, config: Config, encoder: FrameEncoder, decoder: Decoder, observer: Observer, history: float = 0.0
) -> Pipeline:
    facts = bundle.facts
    personal = personal_layer(bundle, config.pipeline.person) if config.pipeline.person else None
    stages = replace(
        stages_of(bundle, encoder, decoder, personal),
        conditioner=conditioner(config.conditioner, facts.layout),
        gate=_idle_gate(facts, config),
    )
    options = PipelineOptions(MAX_GAP, decode_hop=config.pipeline.hop_frames, history=history, observer=observer)
    return Pipeline(stages, facts, options)


def _idle_gate(facts: ModelFacts, config: Config) -> IdleGate | None:
    """Make the gate of a model that types: it knows spectrograms, and keys and the blank of CTC, nothing else."""
    match facts.front_end, facts.decoder:
        case (StftFacts(), CtcFacts()) if config.gate.enabled:
            return IdleGate(facts, config.gate)
        case _:
            return None
