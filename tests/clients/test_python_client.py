import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import zmq

from emgtype_client import (
    Client,
    ClientError,
    Edit,
    Event,
    Final,
    Heartbeat,
    Joined,
    Lost,
    Mark,
    NoAnswerError,
    Partial,
    RefusedError,
    Status,
    connect,
    connect_async,
)


def live(daemon: Any, client: Client) -> None:
    """Send heartbeats until the subscription has arrived, which ZeroMQ does in its own time."""
    for _ in range(200):
        daemon.beat()
        if any(isinstance(event, Heartbeat) for event in rest(client, 0.02)):
            rest(client, 0.02)
            return
    raise TimeoutError


def rest(client: Client, patience: float = 0.3) -> list[Event]:
    """All events until no more come."""
    events = []
    while (event := client.receive(patience)) is not None:
        events.append(event)
    return events


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_late_client_has_the_text_after_one_snapshot(daemon: Any, encoding: str) -> None:
    with daemon(encoding=encoding) as running:
        running.type("hello⏎wo", tail=2)
        with connect(running.endpoint) as client:
            assert isinstance(client.receive(1), Joined)
            assert client.text == "hello\nwo"
            assert client.people["ann"].final == "hello\n"
            live(running, client)
            running.type("ar", tail=3, erase=1)
            running.type("ld", erase=2)
            edits = [event for event in rest(client) if isinstance(event, Edit)]
            assert [(edit.erase, "".join(key.key for key in edit.insert), edit.tail) for edit in edits] == [
                (1, "ar", 3),
                (2, "ld", 0),
            ]
            assert client.text == client.people["ann"].final == "hello\nwld"
        assert [do for do, _, _ in running.asked] == ["snapshot"]


def test_no_edit_is_lost_while_a_client_joins(daemon: Any) -> None:
    with daemon() as running:
        for number in range(40):
            running.type(f"{number} ", tail=1)
            if number == 20:
                client = connect(running.endpoint)
        with client:
            running.beat()
            rest(client)
            assert client.text == "".join(f"{number} " for number in range(40))


def test_other_topics_on_request(daemon: Any) -> None:
    with daemon() as running, connect(running.endpoint, topics=("final", "partial", "status", "mark")) as client:
        live(running, client)
        running.type("one⏎tw", tail=2)
        running.type("⌫", erase=2)
        running.status()
        running.mark("here")
        events = rest(client)
        assert [event for event in events if isinstance(event, Final)] == [
            Final("ann", 0, "one\n"),
            Final("ann", 1, ""),
        ]
        assert [event for event in events if isinstance(event, Partial)] == [
            Partial("ann", "tw", 0),
            Partial("ann", "one", 3),
        ]
        assert [event for event in events if isinstance(event, Status)] == [Status("ann", {"state": "decoding"})]
        assert [event for event in events if isinstance(event, Mark)] == [Mark("ann", "here", 3.5)]
        assert not [event for event in events if isinstance(event, Lost)]


def test_one_person_of_several_and_all_of_them(daemon: Any) -> None:
    with (
        daemon("ann", "anna") as running,
        connect(running.endpoint, person="ann") as one,
        connect(running.endpoint) as all_,
    ):
        live(running, one)
        live(running, all_)
        for person in ("ann", "anna"):
            running.type(f"I am {person}", person=person)
        rest(one)
        rest(all_)
        assert {name: str(text) for name, text in one.people.items()} == {"ann": "I am ann"}
        assert {name: str(text) for name, text in all_.people.items()} == {"ann": "I am ann", "anna": "I am anna"}
        with pytest.raises(ClientError, match="ann, anna type here"):
            assert all_.text


def test_a_restarted_daemon_is_joined_again(daemon: Any) -> None:
    with daemon() as running:
        running.type("before")
        client = connect(running.endpoint)
        rest(client, 0.05)
    with client, daemon() as running:
        running.type("after")
        live(running, client)
        assert client.text == "after"
        running.type("wards")
        events = rest(client)
        assert client.text == "afterwards"
        assert not [event for event in events if isinstance(event, Lost)]


def test_requests_are_answered_or_refused(daemon: Any) -> None:
    with daemon() as running, connect(running.endpoint) as client:
        assert client.ask("reload", "ann", "demo") == {"did": "reload"}
        assert running.asked[-1] == ("reload", "ann", "demo")
        with pytest.raises(RefusedError, match="nobody is called bob"):
            client.ask("pause", "bob")


def test_no_daemon_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(NoAnswerError, match=f"nobody answers at ipc://{tmp_path}/emgtype/text.control"):
        connect(timeout=0.05)
    (tmp_path / "emgtype").mkdir(mode=0o755)
    with pytest.raises(ClientError, match="only you can enter"):
        connect()
    with pytest.raises(ClientError, match="another machine"):
        connect("tcp://192.0.2.1:5757")
    with pytest.raises(ClientError, match="cannot connect"):
        connect("nonsense", control=f"ipc://{tmp_path}/none", timeout=0.05)


def test_the_daemon_of_this_user_is_found(daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "emgtype").mkdir(mode=0o700)
    with daemon(endpoint=f"ipc://{tmp_path}/emgtype/text") as running:
        running.type("mine")
        with connect() as client:
            assert client.text == "mine"
    with daemon(endpoint="tcp://127.0.0.1:0") as running, connect(running.endpoint) as client:
        assert client.ask("status")


def test_asyncio(daemon: Any) -> None:
    async def listen(running: Any) -> str:
        async with connect_async(running.endpoint) as client:
            assert client.text == "so "
            heard = asyncio.ensure_future(client.receive())
            while not heard.done() or isinstance(heard.result(), Joined):
                heard = asyncio.ensure_future(client.receive()) if heard.done() else heard
                await asyncio.to_thread(running.beat)
            await asyncio.to_thread(running.type, "far")
            async for event in client:
                if isinstance(event, Edit):
                    break
            with pytest.raises(RefusedError):
                await client.ask("pause", "bob")
            assert await client.ask("pause") == {"did": "pause"}
            return client.text

    async def nobody(running: Any) -> None:
        async with connect_async(f"{running.endpoint}-none", timeout=0.05):
            pass

    with daemon() as running:
        running.type("so ")
        assert asyncio.run(listen(running)) == "so far"
        with pytest.raises(NoAnswerError):
            asyncio.run(nobody(running))


_SLEEPER = """
import sys
from emgtype_client import Edit, Heartbeat, Joined, Lost, connect
with connect(sys.argv[1]) as client:
    lost = beats = 0
    for event in client:
        lost += event.count if isinstance(event, Lost) and event.topic == "keys" else 0
        if isinstance(event, Heartbeat) and client.text.endswith("!"):
            print(lost, len(client.text), flush=True)
            break
        if isinstance(event, Heartbeat) and not beats:
            beats = 1
            print("live", flush=True)
"""


def test_a_stopped_client_counts_its_loss_and_another_gets_everything(daemon: Any) -> None:
    count = 30_000
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with daemon() as running, connect(running.endpoint) as awake:
        sleeper = subprocess.Popen(
            [sys.executable, "-c", _SLEEPER, running.endpoint], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert sleeper.stdout
            live(running, awake)
            lines = iter(sleeper.stdout.readline, "")
            beating = True
            while beating:
                running.beat()
                ready = zmq.Poller()
                ready.register(sleeper.stdout.fileno(), zmq.POLLIN)
                beating = not ready.poll(50)
            assert next(lines) == "live\n"
            rest(awake, 0.05)
            sleeper.send_signal(signal.SIGSTOP)
            for _ in range(count // 500):
                running.do(lambda: [running._people["ann"].edit(0, "x", 0) for _ in range(500)])
                for _ in range(500):
                    assert isinstance(awake.receive(5), Edit)
            sleeper.send_signal(signal.SIGCONT)
            running.type("!")
            while sleeper.poll() is None:
                running.beat()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    sleeper.wait(0.1)
            lost, length = map(int, next(lines).split())
        finally:
            sleeper.kill()
            sleeper.communicate()
        rest(awake, 0.05)
        assert awake.text == "x" * (10_000 - 1) + "!"
        assert length == 10_000
        assert 0 < lost < count


def test_it_needs_pyzmq_alone() -> None:
    code = "import sys, emgtype_client; print({'adapters', 'decoder', 'emgtype', 'msgpack', 'numpy'} & {*sys.modules})"
    folder = Path(__file__).parents[2] / "clients" / "python"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"] == ["pyzmq>=26"]
