"""Pipelines for tests: an encoder with whatever else a test needs around it."""

from collections.abc import Callable
from typing import Any

from messages.emission import Emission
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.stream import OnnxEncoder
from streamer.encoder.whole import WholeEncoder
from streamer.front_end.choice import open_front_end
from streamer.pipeline import Pipeline
from streamer.stages import Decoder, NoDecoder, NoState, PipelineOptions, Stages


class FakeDecoder(NoDecoder):
    """The parts of a decoder that most tests do not look at; subclasses override `push`, `finish` or `reset`."""

    def __init__(self) -> None:
        self.rejected = 0
        self.state = NoState()


def pipeline_of(
    encoder: OnnxEncoder | WholeEncoder,
    decoder: Decoder | None = None,
    *,
    tap: Callable[[Emission], None] | None = None,
    personal: PersonalLayer | None = None,
    gate: Any = None,
    **options: Any,
) -> Pipeline:
    """Join the front end of the encoder's model with the encoder and a decoder; `options` as in PipelineOptions."""
    facts = encoder.facts
    front_end = open_front_end(facts.front_end, facts.layout)
    stages = Stages(front_end, encoder, decoder or NoDecoder(), personal=personal, gate=gate)
    pipeline = Pipeline(stages, facts, PipelineOptions(**options))
    pipeline.tap = tap
    return pipeline
