"""A subscriber that does not keep up costs nobody else anything, and tells exactly what it has lost; it is noticed."""

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

COUNT = 16_000  # more than is kept for a subscriber, in ZeroMQ and in the kernel

# Says when it hears, and at the end (a mark that an edit carries) what it got and what it lost.
_HEARS = """
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


def until_it_hears(publisher: Publisher, process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    poller = zmq.Poller()
    poller.register(process.stdout.fileno(), zmq.POLLIN)
    while not poller.poll(20):
        publisher.heartbeat()
    assert process.stdout.readline() == "hears\n"


def test_the_one_that_is_stopped_tells_its_exact_loss_and_the_other_gets_everything(tmp_path: Path) -> None:
    with (
        open_publisher(f"ipc://{tmp_path}/text", "s", "ann") as publisher,
        Subscriber(publisher.endpoint, "ann") as awake,
    ):
        stopped = subprocess.Popen(
            [sys.executable, "-c", _HEARS, publisher.endpoint], stdout=subprocess.PIPE, text=True
        )
        try:
            until_it_hears(publisher, stopped)
            while awake.receive(0.1) is not None:
                pass
            stopped.send_signal(signal.SIGSTOP)
            for seq in range(COUNT):
                publisher.push(edit(seq))
                message = awake.receive(10)
                assert isinstance(message, TextMessage)
                assert message.seq == seq
            assert awake.lost == 0
            assert publisher.overflows == 1  # once full, its queue is not asked again until half of it is read
            stopped.send_signal(signal.SIGCONT)
            while stopped.poll() is None:  # until there is room for it again
                publisher.push(edit(COUNT, tail=1))
                time.sleep(0.01)
        finally:
            stopped.kill()
            said, _ = stopped.communicate()
    first, last, got, lost = map(int, said.split())
    assert (first, last >= COUNT) == (0, True)
    assert 0 < got < COUNT
    assert got + lost == last + 1
