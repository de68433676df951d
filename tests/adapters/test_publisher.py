import socket
import stat
import time
from pathlib import Path

import pytest
import zmq

from adapters import wire
from adapters.endpoint import default_endpoint
from adapters.publisher import Publisher, PubSocket, open_publisher
from adapters.subscriber import Subscriber
from decoder.errors import InputError
from decoder.messages import Key, TextEvent

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
        got = 0
        while sleeper.poll(200):
            sleeper.recv_multipart()
            got += 1
        assert 0 < got < 30_000


def test_the_default_is_a_directory_that_only_its_owner_can_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_endpoint() == f"ipc://{tmp_path}/emgtype/text"
    assert stat.S_IMODE((tmp_path / "emgtype").stat().st_mode) == 0o700
    (tmp_path / "emgtype").chmod(0o755)
    with pytest.raises(InputError, match="has mode 755"):
        default_endpoint()


def test_without_a_runtime_directory_it_is_still_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Path(default_endpoint().removeprefix("ipc://")).parent
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("base", ["missing", "relative"])
def test_a_runtime_directory_that_is_none_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / base) if base == "missing" else base)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert Path(default_endpoint().removeprefix("ipc://")).parent.parent == tmp_path


def test_a_file_in_the_way_of_the_directory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "emgtype").touch()
    with pytest.raises(InputError, match="cannot make the directory"):
        default_endpoint()


def test_a_socket_in_an_open_directory_is_still_the_users_own(tmp_path: Path) -> None:
    with open_publisher(f"ipc://{tmp_path}/text", "s", "ann"):
        assert stat.S_IMODE((tmp_path / "text").stat().st_mode) == 0o600


def test_a_live_socket_is_refused_and_a_stale_one_taken_over(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/text"
    with open_publisher(endpoint, "s", "ann"), pytest.raises(InputError, match="is in use"):
        PubSocket(endpoint)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "stale"))
    assert (tmp_path / "stale").is_socket()  # left behind, nobody listens
    with (
        open_publisher(f"ipc://{tmp_path}/stale", "s", "bob") as publisher,
        Subscriber(publisher.endpoint) as subscriber,
    ):
        connected(publisher, subscriber)


def test_a_file_is_never_overwritten_by_a_socket(tmp_path: Path) -> None:
    precious = tmp_path / "notes.txt"
    precious.write_text("mine")
    with pytest.raises(InputError, match="is no socket"):
        PubSocket(f"ipc://{precious}")
    assert precious.read_text() == "mine"


def test_a_live_socket_too_busy_to_answer_is_not_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(tmp_path / "text"))
        busy.listen(0)
        waiting.connect(str(tmp_path / "text"))  # the queue is full now
        with pytest.raises(InputError, match="in use"):
            PubSocket(f"ipc://{tmp_path}/text")


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with open_publisher("tcp://127.0.0.1:0", "s", "ann") as publisher, pytest.raises(InputError, match="in use"):
        PubSocket(publisher.endpoint)


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


@pytest.mark.parametrize(
    ("endpoint", "because"),
    [
        ("tcp://0.0.0.0:5757", "whoever asks"),
        ("tcp://*:5757", "whoever asks"),
        ("tcp://192.168.1.2:5757", "whoever asks"),
        ("udp://127.0.0.1:1", "ipc://PATH"),
        ("nonsense", "ipc://PATH"),
        ("tcp://127.0.0.1:99999", "no usable port"),
        ("tcp://127.0.0.1:-1", "no usable port"),
        ("tcp://127.0.0.1", "no usable port"),
        ("tcp://[::1", "ipc://PATH"),
        ("ipc://@abstract", "keep others out"),
        ("ipc://*", "keep others out"),
        ("ipc:///none/of/this/text", "cannot publish"),
    ],
)
def test_endpoints_that_are_refused(endpoint: str, because: str) -> None:
    with pytest.raises(InputError, match=because):
        PubSocket(endpoint)
