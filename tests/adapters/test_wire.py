import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import wire
from decoder.errors import InputError
from decoder.messages import Key, TextEvent

SENDER = wire.Sender("s1", "ann")
times = st.floats(0, 1e9)
keys = st.lists(st.builds(Key, st.integers(0, 97), times, st.sampled_from([0.0, 0.25, 0.9173, 1.0])), max_size=5)
events = st.builds(TextEvent, st.integers(0, 9), keys.map(tuple), st.integers(0, 9), times, st.integers(0, 9))


@given(events, times)
def test_messages_come_back_as_they_went(event: TextEvent, sent: float) -> None:
    message = wire.TextMessage(SENDER, event.seq, sent, event)
    assert wire.decode(wire.encode(message)) == message
    beat = wire.Heartbeat(SENDER, 3, sent)
    assert wire.decode(wire.encode(beat)) == beat


def test_parts_are_the_same_by_field_and_by_message() -> None:
    event = TextEvent(0, (Key(0, 2.5, 0.5),), 1, 3.0, 7)
    text = wire.encode_text(event, session="s1", person="ann", seq=7, sent=9.0)
    assert text == wire.encode(wire.TextMessage(SENDER, 7, 9.0, event))
    assert wire.encode_heartbeat(session="s1", person="ann", seq=7, sent=9.0)[0] == b"heartbeat.ann"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("erase", -1),
        ("tail", -1),
        ("seq", -1),
        ("v", 2),
        ("person", "bob"),
        ("keys", [{"label": 0}]),
        ("seq", float("inf")),
    ],
)
def test_fields_that_do_not_fit_are_refused(field: str, value: object) -> None:
    topic, body = wire.encode_text(TextEvent(0, (), 0, 0.0, 0), session="s", person="ann", seq=0, sent=0.0)
    assert wire.decode([topic, body]).person == "ann"
    with pytest.raises(InputError):
        wire.decode([topic, json.dumps(json.loads(body) | {field: value}).encode()])


@pytest.mark.parametrize("label", [-1, 98])
def test_labels_of_no_key_are_refused(label: int) -> None:
    topic, body = wire.encode_text(
        TextEvent(0, (Key(0, 0.0, 1.0),), 0, 0.0, 0), session="s", person="ann", seq=0, sent=0.0
    )
    with pytest.raises(InputError, match="out of range"):
        wire.decode([topic, body.replace(b'"label":0', b'"label":%d' % label)])


def test_fields_are_the_documented_ones() -> None:
    event = TextEvent(1, (Key(0, 2.5, 0.5), Key(94, 2.6, 1.0)), 2, 3.0, 7)
    topic, body = wire.encode(wire.TextMessage(SENDER, 7, 99.0, event))
    assert topic == b"text.ann"
    assert json.loads(body) == {
        "v": 1,
        "session": "s1",
        "person": "ann",
        "seq": 7,
        "sent": 99.0,
        "time": 3.0,
        "erase": 1,
        "insert": "a⌫",
        "tail": 2,
        "keys": [
            {"key": "a", "label": 0, "time": 2.5, "confidence": 0.5},
            {"key": "⌫", "label": 94, "time": 2.6, "confidence": 1.0},
        ],
    }


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"text.ann"],
        [b"text.ann", b"{"],
        [b"text.ann", b"[]"],
        [b"text.ann", b'{"v": 2}'],
        [b"\xff", b'{"v": 1}'],
        [b"text.ann", b"[" * 100_000],
    ],
)
def test_what_is_not_ours_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(InputError):
        wire.decode(parts)


@pytest.mark.parametrize("person", ["", "a b", "a.b"])
def test_persons_must_fit_into_a_topic(person: str) -> None:
    with pytest.raises(InputError, match="without spaces and dots"):
        wire.Sender("s", person)
