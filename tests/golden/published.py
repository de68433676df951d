"""Collect the text that emgtype publishes over ZeroMQ (docs/protocol.md), with pyzmq and json alone.

The publisher waits for nobody: `emgtype replay --fast` decodes its first text some 20 ms after its socket is there. So
the subscriber connects before the socket exists, tries again every millisecond, and `gap` tells afterwards, by the
numbers of the messages, whether it came in time. Where it did not, its caller replays once more.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zmq

Message = dict[str, Any]

TOPICS = ("keys", "final", "partial", "sentence", "mark")
"""The topics about text and moments; status and heartbeats depend on when a subscriber joins."""
_RETRY_MS = 1
_POLL_MS = 20
# Milliseconds without a message after the publisher's end: its last messages are on their way for less.
_QUIET_MS = 200


class Collector:
    """Collects messages in a thread of its own.

    Args:
        find_endpoint: Returns where to connect, or None while that is not known; it is asked every millisecond.
    """

    def __init__(self, find_endpoint: Callable[[], str | None]) -> None:
        self.messages: list[Message] = []
        """All messages so far, each with its `topic`."""
        self._find_endpoint = find_endpoint
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def finish(self) -> None:
        """Take the messages that are still on their way, then end the thread."""
        self._ended.set()
        self._thread.join()

    def _collect(self) -> None:
        context = zmq.Context()
        socket = context.socket(zmq.SUB)
        socket.linger = 0
        socket.rcvhwm = 0
        socket.reconnect_ivl = _RETRY_MS
        for topic in TOPICS:
            socket.subscribe(f"{topic}.")
        try:
            if endpoint := self._wait_for_endpoint():
                socket.connect(endpoint)
                self._receive(socket)
        finally:
            socket.close()
            context.term()

    def _wait_for_endpoint(self) -> str | None:
        while not self._ended.is_set():
            if endpoint := self._find_endpoint():
                return endpoint
            time.sleep(_RETRY_MS / 1000)
        return None

    def _receive(self, socket: "zmq.Socket[bytes]") -> None:
        while True:
            ended = self._ended.is_set()
            if socket.poll(_QUIET_MS if ended else _POLL_MS):
                topic, body = socket.recv_multipart()
                self.messages.append({"topic": topic.decode(), **json.loads(body)})
            elif ended:
                return


@contextmanager
def collected(find_endpoint: Callable[[], str | None]) -> Iterator[list[Message]]:
    """Collect messages while the block runs; the list is complete after it."""
    collector = Collector(find_endpoint)
    try:
        yield collector.messages
    finally:
        collector.finish()


def gap(messages: list[Message]) -> str:
    """Describe a message that is missing in a whole run, by the numbers; empty where none is."""
    following: dict[str, int] = {}
    for message in messages:
        expected = following.get(message["topic"], 0)
        if message["seq"] != expected:
            return f"message {expected} of {message['topic']} is missing: {message['seq']} came instead"
        following[message["topic"]] = expected + 1
    edits = [message for message in messages if message["topic"].startswith("keys.")]
    if not edits:
        return "no message came"
    if edits[-1]["tail"]:
        return "the last edit leaves keys that may still change: the end is missing"
    return ""


def final_text(messages: list[Message]) -> str:
    """Join the `final` messages to the text that they make."""
    text = ""
    for message in messages:
        if message["topic"].startswith("final."):
            text = text[: len(text) - message["back"]] + message["text"]
    return text
