"""The front end that a model's facts ask for."""

from typing import assert_never

from messages.model_facts import FrontEndFacts, StftFacts
from messages.signal import Layout
from streamer.front_end.stft import Spectrogram


def open_front_end(facts: FrontEndFacts, layout: Layout) -> Spectrogram:
    """Make the front end of a model, as it was trained."""
    match facts:
        case StftFacts():
            return Spectrogram(facts, layout)
        case _:
            assert_never(facts)
