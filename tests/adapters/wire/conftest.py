"""Help of the tests of sockets."""

from adapters.wire.publisher import Publisher
from adapters.wire.subscriber import Subscriber


def await_subscription(publisher: Publisher, subscriber: Subscriber) -> None:
    """Wait until the subscription has reached the publisher, which ZeroMQ does in its own time."""
    for _ in range(200):
        publisher.heartbeat()
        if subscriber.receive(0.02) is not None:
            while subscriber.receive(0.02) is not None:
                pass
            return
    raise TimeoutError
