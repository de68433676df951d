import dataclasses
from typing import Any

import pytest

from messages.charset import BLANK, KEYS
from messages.errors import InputError
from messages.model_facts import BundleFacts, StateFacts, StftFacts
from messages.signal import Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
FACTS = BundleFacts(
    name="paper",
    licence="Apache-2.0",
    layout=LAYOUT,
    stft=StftFacts(),
    classes=KEYS,
    blank=BLANK,
    hop=4,
    receptive_field=125,
    states=(StateFacts("context_0", (31, 768)), StateFacts("context_1", (31, 768))),
    emission_delay_ms=94.5,
    provenance={"data": "simulated", "seed": 3, "steps": [1, 2]},
)


def test_metadata_round_trip() -> None:
    metadata = FACTS.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["emgtype.receptive_field_samples"] == "2048"
    assert BundleFacts.from_metadata({**metadata, "producer": "someone"}, "exported/paper") == FACTS
    unmeasured = dataclasses.replace(FACTS, emission_delay_ms=None)
    assert BundleFacts.from_metadata(unmeasured.to_metadata(), "exported/paper") == unmeasured


@pytest.mark.parametrize("fact", sorted(FACTS.to_metadata()))
def test_no_fact_may_be_missing(fact: str) -> None:
    metadata = FACTS.to_metadata()
    del metadata[fact]
    with pytest.raises(InputError, match="exported/paper"):
        BundleFacts.from_metadata(metadata, "exported/paper")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"emgtype.version": "4"}, "version 4"),
        ({"emgtype.version": "2"}, "version 2"),
        ({"emgtype.streams": "false"}, "takes a whole recording at once and that it carries states"),
        ({"emgtype.hop": "{"}, "not JSON"),
        ({"emgtype.hop": '"four"'}, "hop = 'four'"),
        ({"emgtype.layout": '{"rate": 2000}'}, "lacks 'unit'"),
        ({"emgtype.front_end": '"mel"'}, "front_end 'mel'"),
        ({"emgtype.decoder": '"rnnt"'}, "decoder 'rnnt'"),
        ({"emgtype.look_ahead": "3"}, "look_ahead 3"),
        ({"emgtype.blank": "0"}, "blank at 0"),
        ({"emgtype.receptive_field_samples": "2000"}, "2000 samples"),
        ({"emgtype.provenance": "[]"}, "provenance"),
        ({"emgtype.states": '[{"name": "h", "shape": [2], "initial": "ones"}]'}, "states h"),
    ],
)
def test_facts_that_do_not_fit_are_refused_in_one_sentence(changed: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        BundleFacts.from_metadata({**FACTS.to_metadata(), **changed}, "exported/paper")
    assert "\n" not in str(caught.value)


def test_what_needs_the_whole_recording_is_refused_live() -> None:
    FACTS.require_streaming()
    with pytest.raises(InputError, match="cannot decode live; replay a session"):
        dataclasses.replace(FACTS, family="spatial_lstm", streams=False, states=()).require_streaming()


def test_a_foreign_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.onnx is an ONNX model without emgtype's facts"):
        BundleFacts.from_metadata({"producer": "someone"}, "model.onnx")


@pytest.mark.parametrize("change", [{"rate": 1000.0}, {"unit": "mV"}, {"sides": ("right", "left")}, {"electrodes": 8}])
def test_another_layout_is_refused(change: dict[str, Any]) -> None:
    FACTS.require(Layout(2000.0, "uV", ("left", "right"), 16))
    with pytest.raises(InputError, match="was trained on 2 × 16 electrodes"):
        FACTS.require(dataclasses.replace(LAYOUT, **change))
