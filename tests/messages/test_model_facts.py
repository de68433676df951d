import dataclasses
import json
from typing import Any

import pytest

from messages.charset import BLANK, KEYS
from messages.errors import InputError
from messages.model_facts import CtcFacts, EncoderFacts, ModelFacts, StateFacts, StftFacts
from messages.signal import Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
FACTS = ModelFacts(
    name="paper",
    licence="Apache-2.0",
    layout=LAYOUT,
    front_end=StftFacts(),
    encoder=EncoderFacts(
        hop=4,
        receptive_field=125,
        states=(StateFacts("context_0", (31, 768)), StateFacts("context_1", (31, 768))),
    ),
    decoder=CtcFacts(KEYS, BLANK),
    emission_delay_ms=94.5,
    provenance={"data": "simulated", "seed": 3, "steps": [1, 2]},
)

PARTS = ("front_end", "encoder", "decoder")


def test_metadata_round_trip() -> None:
    metadata = FACTS.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["emgtype.receptive_field_samples"] == "2048"
    assert ModelFacts.from_metadata({**metadata, "producer": "someone"}, "exported/paper") == FACTS
    unmeasured = dataclasses.replace(FACTS, emission_delay_ms=None)
    assert ModelFacts.from_metadata(unmeasured.to_metadata(), "exported/paper") == unmeasured


@pytest.mark.parametrize("fact", sorted(FACTS.to_metadata()))
def test_no_fact_may_be_missing(fact: str) -> None:
    metadata = FACTS.to_metadata()
    del metadata[fact]
    with pytest.raises(InputError, match="exported/paper"):
        ModelFacts.from_metadata(metadata, "exported/paper")


@pytest.mark.parametrize(
    ("part", "fact"),
    [
        (part, fact)
        for part in ("front_end", "encoder", "decoder")
        for fact in json.loads(FACTS.to_metadata()[f"emgtype.{part}"])
    ],
)
def test_no_fact_of_a_part_may_be_missing(part: str, fact: str) -> None:
    metadata = FACTS.to_metadata()
    table = json.loads(metadata[f"emgtype.{part}"])
    del table[fact]
    with pytest.raises(InputError, match=f"exported/paper.* lacks .*{fact}"):
        ModelFacts.from_metadata({**metadata, f"emgtype.{part}": json.dumps(table)}, "exported/paper")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"version": 5}, "version 5"),
        ({"version": 3}, "version 3 .*emgtype export --upgrade OLD --out NEW"),
        ({"encoder": {"kind": "whole"}}, "takes a whole recording at once and that it carries states"),
        ({"encoder": {"kind": "wavelet"}}, "kind = 'wavelet'"),
        ({"encoder": {"hop": "four"}}, "hop = 'four'"),
        ({"layout": {"unit": 3}}, "unit = 3"),
        ({"front_end": {"kind": "mel"}}, "kind = 'mel'"),
        ({"decoder": {"kind": "rnnt"}}, "kind = 'rnnt'"),
        ({"encoder": {"look_ahead": 3}}, "look_ahead 3"),
        ({"decoder": {"blank": 0}}, "blank at 0"),
        ({"receptive_field_samples": 2000}, "2000 samples"),
        ({"provenance": []}, "provenance"),
        ({"encoder": {"states": [{"name": "h", "shape": [2], "initial": "ones"}]}}, "states h"),
    ],
)
def test_facts_that_do_not_fit_are_refused_in_one_sentence(changed: dict[str, Any], message: str) -> None:
    metadata = FACTS.to_metadata()
    for name, value in changed.items():
        key = f"emgtype.{name}"
        metadata[key] = json.dumps({**json.loads(metadata[key]), **value} if isinstance(value, dict) else value)
    with pytest.raises(InputError, match=message) as caught:
        ModelFacts.from_metadata(metadata, "exported/paper")
    assert "\n" not in str(caught.value)


def test_facts_that_are_no_json_are_refused() -> None:
    with pytest.raises(InputError, match="not JSON"):
        ModelFacts.from_metadata({**FACTS.to_metadata(), "emgtype.encoder": "{"}, "exported/paper")


def test_what_needs_the_whole_recording_is_refused_live() -> None:
    FACTS.require_streaming()
    whole = dataclasses.replace(FACTS, encoder=EncoderFacts(4, 125, kind="whole", family="spatial_lstm"))
    with pytest.raises(InputError, match="cannot decode live; replay a session"):
        whole.require_streaming()


def test_a_foreign_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.onnx is an ONNX model without emgtype's facts"):
        ModelFacts.from_metadata({"producer": "someone"}, "model.onnx")


@pytest.mark.parametrize("change", [{"rate": 1000.0}, {"unit": "mV"}, {"sides": ("right", "left")}, {"electrodes": 8}])
def test_another_layout_is_refused(change: dict[str, Any]) -> None:
    FACTS.require(Layout(2000.0, "uV", ("left", "right"), 16))
    with pytest.raises(InputError, match="was trained on 2 × 16 electrodes"):
        FACTS.require(dataclasses.replace(LAYOUT, **change))
