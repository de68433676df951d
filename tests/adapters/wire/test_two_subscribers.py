"""A slow subscriber loses messages and counts them exactly, and no other subscriber loses any."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import zmq

from adapters.wire.format import TextMessage
from adapters.wire.publisher import Publisher, open_publisher
from adapters.wire.subscriber import Subscriber
from messages.text import Key, TextEvent

# More messages than wait for a subscriber, in ZeroMQ and in the kernel.
COUNT = 16_000

# Prints when the first message came, and after the last edit (by its tail) the numbers of received and lost messages.
_CHILD = """
import sys
from adapters.wire.subscriber import Subscriber
from adapters.wire.format import TextMessage
with Subscriber(sys.argv[1], "ann") as subscriber:
    first = last = None
    got = 0
    while last is None or last.event.tail == 0:
        message = subscriber.receive(10)
        if message is None:
            sys.exit("nothing comes")
        if first is None:
            print("hears", flush=True)
        if isinstance(message, TextMessage):
            first, last, got = first if first is not None else message.seq, message, got + 1
        elif first is None:
            first = message.next["keys"]
    print(first, last.seq, got, subscriber.lost, flush=True)
"""


def edit(seq: int, tail: int = 0) -> TextEvent:
    return TextEvent(0, (Key(7, 1.5, 0.5),), tail, 2.0, seq)


def await_subscription(publisher: Publisher, process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    poller = zmq.Poller()
    poller.register(process.stdout.fileno(), zmq.POLLIN)
    while not poller.poll(20):
        publisher.heartbeat()
    assert process.stdout.readline() == "hears\n"


def test_a_stopped_subscriber_counts_its_loss_and_another_gets_everything(tmp_path: Path) -> None:
    with (
        open_publisher(f"ipc://{tmp_path}/text", "s", "ann") as publisher,
        Subscriber(publisher.endpoint, "ann") as awake,
    ):
        stopped = subprocess.Popen(
            [sys.executable, "-c", _CHILD, publisher.endpoint], stdout=subprocess.PIPE, text=True
        )
        try:
            await_subscription(publisher, stopped)
            while awake.receive(0.1) is not None:
                pass
            stopped.send_signal(signal.SIGSTOP)
            for seq in range(COUNT):
                publisher.push(edit(seq))
                message = awake.receive(10)
                assert isinstance(message, TextMessage)
                assert message.seq == seq
            assert awake.lost == 0
            # A full queue is not tried again until half of it is read.
            assert publisher.overflows == 1
            stopped.send_signal(signal.SIGCONT)
            # Until its queue has room again.
            while stopped.poll() is None:
                publisher.push(edit(COUNT, tail=1))
                time.sleep(0.01)
        finally:
            stopped.kill()
            said, _ = stopped.communicate()
    first, last, got, lost = map(int, said.split())
    assert (first, last >= COUNT) == (0, True)
    assert 0 < got < COUNT
    assert got + lost == last + 1
