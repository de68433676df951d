import time
from pathlib import Path

import pytest
import zmq

from adapters.wire import format as wire
from adapters.wire.publisher import Publisher, PubSocket, open_publisher
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from messages.text import Key, TextEvent

EVENT = TextEvent(1, (Key(7, 1.5, 0.5),), 1, 2.0, 0)


def connected(publisher: Publisher, subscriber: Subscriber) -> None:
    """Beat until the subscription has arrived: ZeroMQ joins in its own time."""
    for _ in range(200):
        publisher.heartbeat()
        if subscriber.receive(0.02) is not None:
            while subscriber.receive(0.02) is not None:
                pass
            return
    raise TimeoutError


@pytest.mark.parametrize("endpoint", ["ipc://{}/text", "tcp://127.0.0.1:0", "tcp://localhost:*"])
def test_a_real_subscriber_gets_what_is_published(tmp_path: Path, endpoint: str) -> None:
    with (
        open_publisher(endpoint.format(tmp_path), "s1", "ann", clock=lambda: 12.5) as publisher,
        Subscriber(publisher.endpoint, "ann") as subscriber,
    ):
        connected(publisher, subscriber)
        publisher.push(EVENT)
        message = subscriber.receive(5)
        assert message
        assert message == wire.TextMessage(wire.Sender(message.run, "s1", "ann"), 0, 12.5, EVENT)


def test_each_topic_counts_for_itself_whatever_the_decoder_counts(tmp_path: Path) -> None:
    with (
        open_publisher(f"ipc://{tmp_path}/text", "s", "ann") as publisher,
        Subscriber(publisher.endpoint) as subscriber,
    ):
        connected(publisher, subscriber)
        for _ in range(3):
            publisher.push(EVENT)  # number 0 each time, as after a reset of the decoder
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
        Subscriber(at.endpoint, "ann") as hears_ann,
        Subscriber(at.endpoint, "bob") as hears_bob,
    ):
        ann, bob = Publisher(at, "s", "ann"), Publisher(at, "s", "bob")
        connected(ann, hears_ann)
        connected(bob, hears_bob)
        for publisher in (ann, bob, bob, ann, bob):
            publisher.push(EVENT)
        for subscriber, person, count in ((hears_ann, "ann", 2), (hears_bob, "bob", 3)):
            heard = [message for _ in range(count) if (message := subscriber.receive(5))]
            assert [(message.person, message.seq) for message in heard] == [(person, seq) for seq in range(count)]
            assert subscriber.receive(0.05) is None


def test_the_subscriber_may_be_there_first_and_others_are_not_heard(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/text"
    with Subscriber(endpoint, "ann") as subscriber, open_publisher(endpoint, "s", "anna") as publisher:
        for _ in range(20):
            publisher.push(EVENT)
            assert subscriber.receive(0.02) is None


def test_losses_are_counted_and_a_new_start_is_none(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as raw:
        raw.linger = 0
        port = raw.bind_to_random_port("tcp://127.0.0.1")
        with Subscriber(f"tcp://127.0.0.1:{port}") as subscriber:
            first, second = wire.Sender("r1", "s", "ann"), wire.Sender("r2", "s", "ann")
            while subscriber.receive(0.02) is None:
                raw.send_multipart(wire.encode(wire.Heartbeat(first, 0, 0.0, {"keys": 0})))
            for seq in (0, 1, 4, 5, 9):
                raw.send_multipart(wire.encode(wire.TextMessage(first, seq, 0.0, EVENT)))
            raw.send_multipart(wire.encode(wire.Heartbeat(first, 1, 0.0, {"keys": 14, "final": 30})))
            for seq in (3, 4):
                raw.send_multipart(wire.encode(wire.TextMessage(second, seq, 0.0, EVENT)))
            got = 0
            while (message := subscriber.receive(0.3)) is not None:
                got += isinstance(message, wire.TextMessage)
            assert got == 7
            assert subscriber.lost == 2 + 3 + 4  # the last told by the heartbeat; topics not asked for do not count


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
            publisher.heartbeat()  # ZeroMQ joins in its own time
        for _ in range(30_000):  # more than is kept for it: a publisher that blocks would hang here
            publisher.push(EVENT)
        assert publisher.overflows > 0
        got = 0
        while sleeper.poll(200):
            sleeper.recv_multipart()
            got += 1
        assert 0 < got < 30_000
        found = publisher.overflows
        for _ in range(9_000):  # there is room again
            publisher.push(EVENT)
        assert publisher.overflows == found


def test_a_subscriber_waits_its_time_although_others_are_heard(tmp_path: Path) -> None:
    with open_publisher(f"ipc://{tmp_path}/text", "s", "anna") as publisher:
        with Subscriber(publisher.endpoint) as everybody:
            connected(publisher, everybody)
        with Subscriber(publisher.endpoint, "ann") as subscriber:
            start = time.monotonic()
            publisher.push(EVENT)
            assert subscriber.receive(0.2) is None
            assert time.monotonic() - start >= 0.15
    with pytest.raises(InputError, match="without spaces and dots"):
        Subscriber("tcp://127.0.0.1:5757", "a.b")


def test_a_subscriber_remembers_the_numbers_of_a_bounded_number_of_topics(tmp_path: Path) -> None:
    with PubSocket(f"ipc://{tmp_path}/text") as at, Subscriber(at.endpoint) as subscriber:
        ann = Publisher(at, "s", "ann")
        connected(ann, subscriber)
        for number in range(3000):
            Publisher(at, "s", f"stranger{number}").heartbeat()
            if number % 500 == 0:
                ann.push(EVENT)
            while subscriber.receive(0):
                pass
        while subscriber.receive(0.1):
            pass
        assert subscriber.lost == 0
        assert len(subscriber._expected) <= 1000
        ann._next["keys"] += 2
        ann.push(EVENT)
        assert subscriber.receive(5)
        assert subscriber.lost == 2  # who was heard a while ago is remembered
