import time
from pathlib import Path

import pytest
import zmq

from adapters.wire import format as wire
from adapters.wire.publisher import Publisher, PubSocket, open_publisher
from adapters.wire.subscriber import Subscriber
from messages.errors import InputError
from messages.text import Key, TextEvent
from tests.adapters.wire.conftest import await_subscription

EVENT = TextEvent(1, (Key(7, 1.5, 0.5),), 1, 2.0, 0)


def test_a_subscriber_may_start_first_and_gets_no_messages_of_others(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/text"
    with Subscriber(endpoint, "ann") as subscriber, open_publisher(endpoint, "s", "anna") as publisher:
        for _ in range(20):
            publisher.push(EVENT)
            assert subscriber.receive(0.02) is None


def test_losses_are_counted_and_a_new_run_is_no_loss(tmp_path: Path) -> None:
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
            # The last four show by the heartbeat; a topic without a subscription does not count.
            assert subscriber.lost == 2 + 3 + 4


def test_a_subscriber_waits_for_its_person_while_others_type(tmp_path: Path) -> None:
    with open_publisher(f"ipc://{tmp_path}/text", "s", "anna") as publisher:
        with Subscriber(publisher.endpoint) as everybody:
            await_subscription(publisher, everybody)
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
        await_subscription(ann, subscriber)
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
        # A person who typed a while ago is remembered.
        assert subscriber.lost == 2
