import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire import format as wire
from messages.errors import InputError
from messages.sentence import Reading, Sentence
from messages.text import Key, TextEvent

SENDER = wire.Sender("r1", "s1", "ann")
ENCODINGS: list[wire.Encoding] = ["json", "msgpack"]
times = st.floats(0, 1e9)
keys = st.lists(st.builds(Key, st.integers(0, 97), times, st.sampled_from([0.0, 0.25, 0.9173, 1.0])), max_size=5)
events = st.builds(TextEvent, st.integers(0, 9), keys.map(tuple), st.integers(0, 9), times, st.integers(0, 9))


numbers = st.integers(0, 1 << 40)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@given(events, times, numbers, words, st.sampled_from(ENCODINGS))
def test_decoding_reverses_encoding(
    event: TextEvent, sent: float, number: int, text: str, encoding: wire.Encoding
) -> None:
    messages: list[wire.Message] = [
        wire.TextMessage(SENDER, event.seq, sent, event),
        wire.Final(SENDER, 1, sent, number, text),
        wire.Partial(SENDER, 2, sent, text, number),
        wire.Status(SENDER, 3, sent, {"state": text, "stages_ms": {"encoder": {"p50": sent}}}),
        wire.SentenceMessage(SENDER, 4, sent, Sentence((Reading(text, sent, -sent),), sent, sent + 1)),
        wire.Mark(SENDER, 4, sent, text, sent),
        wire.Heartbeat(SENDER, 5, sent, {"keys": number}),
    ]
    assert {message.KIND for message in messages} == {*wire.KINDS}
    for message in messages:
        assert wire.decode(wire.encode(message, encoding)) == message


def test_both_encodings_carry_the_same_fields() -> None:
    message = wire.TextMessage(SENDER, 7, 9.0, TextEvent(0, (Key(0, 2.5, 0.123456),), 1, 3.0, 7))
    assert json.loads(wire.encode(message)[1]) == msgpack.unpackb(wire.encode(message, "msgpack")[1])


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
        ("run", 5),
    ],
)
def test_fields_that_do_not_fit_are_refused(field: str, value: object) -> None:
    topic, body = wire.encode(wire.TextMessage(SENDER, 0, 0.0, TextEvent(0, (), 0, 0.0, 0)))
    assert wire.decode([topic, body]).person == "ann"
    with pytest.raises(InputError):
        wire.decode([topic, json.dumps(json.loads(body) | {field: value}).encode()])


@pytest.mark.parametrize("label", [-1, 98])
def test_labels_of_no_key_are_refused(label: int) -> None:
    topic, body = wire.encode(wire.TextMessage(SENDER, 0, 0.0, TextEvent(0, (Key(0, 0.0, 1.0),), 0, 0.0, 0)))
    with pytest.raises(InputError, match="not emgtype's"):
        wire.decode([topic, body.replace(b'"label":0', b'"label":%d' % label)])


def test_fields_are_the_documented_ones() -> None:
    event = TextEvent(1, (Key(0, 2.5, 0.5), Key(94, 2.6, 1.0)), 2, 3.0, 7)
    topic, body = wire.encode(wire.TextMessage(SENDER, 7, 99.0, event))
    assert topic == b"keys.ann"
    assert json.loads(body) == {
        "v": 1,
        "run": "r1",
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
        [b"keys.ann"],
        [b"keys.ann", b"{"],
        [b"keys.ann", b"[]"],
        [b"keys.ann", b'{"v": 2}'],
        [b"\xff", b'{"v": 1}'],
        [b"keys.ann", b"[" * 100_000],
        [b"keys.ann", b'{"a":' * 100_000],
        [b"keys.ann", b"\x81\xa1v" * 100_000],
        [b"keys.ann", b"\x81\xa1v\x01"],
        [b"keys.ann", b"\xdf\xff\xff\xff\xff"],
    ],
)
def test_foreign_messages_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(InputError):
        wire.decode(parts)


@pytest.mark.parametrize("person", ["", "a b", "a.b"])
def test_persons_must_fit_into_a_topic(person: str) -> None:
    with pytest.raises(InputError, match="without spaces and dots"):
        wire.Sender("r", "s", person)


@given(words.filter(lambda text: len(text) > 3), st.sampled_from(["seq", "sent", "erase", "v", "run", "time"]))
def test_a_refusal_does_not_quote_the_message(text: str, field: str) -> None:
    topic, body = wire.encode(wire.TextMessage(SENDER, 0, 0.0, TextEvent(0, (), 0, 0.0, 0)))
    secret = f"<{text}>"
    with pytest.raises(InputError) as refused:
        wire.decode([topic, json.dumps(json.loads(body) | {field: [secret] if field == "run" else secret}).encode()])
    assert secret not in str(refused.value)
