"""The encoder that a model's facts ask for."""

from typing import assert_never

from messages.model_facts import ModelFacts
from streamer.encoder.onnx_file import read_facts
from streamer.encoder.stream import OnnxEncoder
from streamer.encoder.whole import WholeEncoder


def open_encoder(model: str, hop: int | None = None, facts: ModelFacts | None = None) -> OnnxEncoder | WholeEncoder:
    """Load an encoder (arguments and errors as EncoderBatch's)."""
    facts = facts or read_facts(model)
    match facts.encoder.kind:
        case "streaming":
            return OnnxEncoder.load(model, hop, facts)
        case "whole":
            return WholeEncoder(model, hop, facts)
        case _:
            assert_never(facts.encoder.kind)
