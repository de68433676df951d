import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire import format as wire
from emgtype_client import ClientError, Lost, Reading, Sentence
from emgtype_client.feed import Feed
from messages import sentence
from messages.charset import LABELS, labels_to_text
from messages.text import Key, KeySequence, TextEvent, render

SENDER = wire.Sender("r1", "s", "ann")


def edit(seq: int, erase: int, insert: str, tail: int) -> TextEvent:
    return TextEvent(erase, tuple(Key(LABELS[key], 0.0, 1.0) for key in insert), tail, 0.0, seq)


@st.composite
def runs(draw: st.DrawFn) -> list[TextEvent]:
    """Edits as a decoder makes them: they take back only keys that may still change."""
    events, tail = [], 0
    for seq in range(draw(st.integers(0, 12))):
        erase = draw(st.integers(0, tail))
        insert = draw(st.text("ab ⌫⏎⇧", max_size=6))
        tail = draw(st.integers(0, tail - erase + len(insert)))
        events.append(edit(seq, erase, insert, tail))
    return events


@given(runs(), st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 12), st.integers(0, 3))
def test_losses_are_counted_and_the_text_is_right_in_the_end(
    events: list[TextEvent], arrives: list[bool], joined: int, late: int
) -> None:
    """The snapshot may contain edits that come later: they must not count twice."""
    feed, keys, lost = Feed({"keys", "heartbeat"}, None), KeySequence(), 0
    published = [wire.encode(wire.Heartbeat(SENDER, 0, 0.0, {"keys": 0}))]
    published += [wire.encode(wire.TextMessage(SENDER, event.seq, 0.0, event)) for event in events]
    published.append(wire.encode(wire.Heartbeat(SENDER, 1, 0.0, {"keys": len(events)})))

    def snapshot(after: int) -> None:
        held = KeySequence()
        for event in events[:after]:
            held.push(event)
        labels = [key.label for key in (*held.final, *held.tail)]
        table = {"run": "r1", "keys": labels_to_text(labels), "tail": len(held.tail), "next": {"keys": after}}
        feed.join({"people": {"ann": table}})

    snapshot(min(joined, len(events)))
    for number, parts in enumerate(published):
        if 0 < number <= len(events) and not arrives[number - 1]:
            continue
        lost += sum(event.count for event in feed.take(parts) if isinstance(event, Lost))
        if feed.stale:
            snapshot(min(len(events), number + late))
    for event in events:
        keys.push(event)
    assert lost == arrives[: len(events)].count(False)
    assert str(feed.people["ann"]) == render(key.label for key in (*keys.final, *keys.tail))
    assert feed.people["ann"].final == render(key.label for key in keys.final)


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_foreign_messages_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(ClientError):
        Feed({"keys", "heartbeat"}, None).take(parts)


@pytest.mark.parametrize(
    ("topic", "change", "because"),
    [
        (b"keys.ann", {"v": 2}, "another version"),
        (b"keys.ann", {"tail": "x"}, "not emgtype's"),
        (b"keys.ann", {"erase": -1}, "not emgtype's"),
        (b"keys.ann", {"keys": [{}]}, "not emgtype's"),
        (b"other.ann", {}, "not emgtype's"),
    ],
)
def test_messages_that_do_not_fit_are_refused_and_change_nothing(
    topic: bytes, change: dict[str, object], because: str
) -> None:
    feed = Feed({"keys", "heartbeat"}, None)
    feed.join({"people": {"ann": {"run": "r1", "keys": "ab", "tail": 1, "next": {"keys": 4}}}})
    body = json.loads(wire.encode(wire.TextMessage(SENDER, 4, 0.0, edit(4, 1, "c", 0)))[1])
    with pytest.raises(ClientError, match=because):
        feed.take([topic, json.dumps(body | change).encode()])
    assert str(feed.people["ann"]) == "ab"


def test_every_topic_of_the_daemon_is_known() -> None:
    reading = sentence.Reading("so far", -1.5, -2.5)
    sent: list[wire.Message] = [
        wire.TextMessage(SENDER, 0, 0.0, edit(0, 0, "a", 0)),
        wire.Final(SENDER, 0, 0.0, 0, "a"),
        wire.Partial(SENDER, 0, 0.0, "a", 1),
        wire.Status(SENDER, 0, 0.0, {}),
        wire.SentenceMessage(SENDER, 0, 0.0, sentence.Sentence((reading,), 1.0, 2.0)),
        wire.Mark(SENDER, 0, 0.0, "here", 1.0),
        wire.Heartbeat(SENDER, 0, 0.0, {"keys": 1}),
    ]
    assert {message.KIND for message in sent} == {*wire.KINDS}
    feed = Feed({*wire.KINDS}, None)
    feed.join({"people": {"ann": {"run": "r1", "keys": "", "tail": 0, "next": {"keys": 0}}}})
    events = [event for message in sent for event in feed.take(wire.encode(message))]
    assert len(events) == len(sent)
    assert Sentence("ann", (Reading("so far", -1.5, -2.5),), 1.0, 2.0) in events
