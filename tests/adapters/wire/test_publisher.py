from pathlib import Path

import pytest
import zmq

from adapters.wire import format as wire
from adapters.wire.publisher import Publisher, PubSocket, open_publisher
from adapters.wire.subscriber import Subscriber
from messages.text import Key, TextEvent
from tests.adapters.wire.conftest import await_subscription

EVENT = TextEvent(1, (Key(7, 1.5, 0.5),), 1, 2.0, 0)


@pytest.mark.parametrize("endpoint", ["ipc://{}/text", "tcp://127.0.0.1:0", "tcp://localhost:*"])
def test_a_real_subscriber_gets_the_published_text(tmp_path: Path, endpoint: str) -> None:
    with (
        open_publisher(endpoint.format(tmp_path), "s1", "ann", clock=lambda: 12.5) as publisher,
        Subscriber(publisher.endpoint, "ann") as subscriber,
    ):
        await_subscription(publisher, subscriber)
        publisher.push(EVENT)
        message = subscriber.receive(5)
        assert message
        assert message == wire.TextMessage(wire.Sender(message.run, "s1", "ann"), 0, 12.5, EVENT)


def test_each_topic_has_its_own_numbers_independent_of_the_decoder(tmp_path: Path) -> None:
    with (
        open_publisher(f"ipc://{tmp_path}/text", "s", "ann") as publisher,
        Subscriber(publisher.endpoint) as subscriber,
    ):
        await_subscription(publisher, subscriber)
        for _ in range(3):
            # Number 0 each time, as after a reset of the decoder.
            publisher.push(EVENT)
        seqs = [message.seq for _ in range(3) if (message := subscriber.receive(5))]
        assert seqs == [0, 1, 2]
        assert subscriber.lost == 0
        publisher.heartbeat()
        beat = subscriber.receive(5)
        assert isinstance(beat, wire.Heartbeat)
        assert beat.next["keys"] == 3


def test_people_on_one_socket_have_topics_and_numbers_of_their_own(tmp_path: Path) -> None:
    with (
        PubSocket(f"ipc://{tmp_path}/text") as at,
        Subscriber(at.endpoint, "ann") as of_ann,
        Subscriber(at.endpoint, "bob") as of_bob,
    ):
        ann, bob = Publisher(at, "s", "ann"), Publisher(at, "s", "bob")
        await_subscription(ann, of_ann)
        await_subscription(bob, of_bob)
        for publisher in (ann, bob, bob, ann, bob):
            publisher.push(EVENT)
        for subscriber, person, count in ((of_ann, "ann", 2), (of_bob, "bob", 3)):
            heard = [message for _ in range(count) if (message := subscriber.receive(5))]
            assert [(message.person, message.seq) for message in heard] == [(person, seq) for seq in range(count)]
            assert subscriber.receive(0.05) is None


def test_a_subscriber_that_never_reads_slows_nobody(tmp_path: Path) -> None:
    with (
        open_publisher(f"ipc://{tmp_path}/text", "s", "ann") as publisher,
        zmq.Context() as context,
        context.socket(zmq.SUB) as sleeper,
    ):
        sleeper.rcvhwm, sleeper.linger = 1, 0
        sleeper.subscribe(b"")
        sleeper.connect(publisher.endpoint)
        while not sleeper.poll(20):
            # The subscription arrives in its own time.
            publisher.heartbeat()
        # More messages than wait for a subscriber: a publisher that blocks would hang here.
        for _ in range(30_000):
            publisher.push(EVENT)
        assert publisher.overflows > 0
        got = 0
        while sleeper.poll(200):
            sleeper.recv_multipart()
            got += 1
        assert 0 < got < 30_000
        found = publisher.overflows
        # The queue has room again.
        for _ in range(9_000):
            publisher.push(EVENT)
        assert publisher.overflows == found
