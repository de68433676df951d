"""A running daemon is asked, over its real socket, while somebody types."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.wire.control import ask
from adapters.wire.endpoint import control_endpoint
from adapters.wire.format import Mark, TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.replay.key_delays import ShownKeys
from messages.charset import labels_to_text
from messages.errors import InputError

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def typing(
    environment: dict[str, str], session_file: Path, tmp_path: Path
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Where a daemon publishes that hears somebody type, and its process."""
    name, endpoint = f"test-{uuid.uuid4()}", f"ipc://{tmp_path}/text"
    calls = [
        ["serve", "--stream", name, "--endpoint", endpoint, "--json"],
        ["simulate", "--play", str(session_file), "--stream", name, "--sample-numbers", "--wait", "60"],
    ]
    daemon, player = (
        subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", *call],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for call in calls
    )
    try:
        yield endpoint, daemon
    finally:
        for process in (daemon, player):
            process.kill()
            process.communicate()


def until(wanted: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Call `wanted` until it returns something, and return that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := wanted():
                return found
        except InputError:  # it is not there yet
            pass
        time.sleep(0.05)
    raise TimeoutError


def test_it_tells_pauses_goes_on_and_ends(typing: tuple[str, subprocess.Popen[str]], emgtype: Run) -> None:
    endpoint, daemon = typing
    control = control_endpoint(endpoint)

    def keys() -> str:
        return str(ask(control, "snapshot")["people"]["me"]["keys"])

    def state() -> dict[str, Any]:
        found: dict[str, Any] = ask(control, "status")["people"]["me"]
        return found

    heard, seq = ShownKeys(), 0
    with Subscriber(endpoint, "me") as subscriber:
        until(lambda: len(keys()) > 5)
        assert state()["state"] == "decoding"
        assert {"samples", "lost", "gaps", "stages_ms"} < set(state())
        told = ask(control, "snapshot")["people"]["me"]
        while (message := subscriber.receive(0.5)) is not None and seq < told["next"]["keys"]:
            if isinstance(message, TextMessage):
                assert message.seq == seq  # the subscriber was there from the first message on
                heard.push(message.event)
                seq += 1
        assert labels_to_text(heard.labels)[: len(told["keys"])] == told["keys"]

    assert ask(control, "pause", "me")["people"] == ["me"]
    assert state()["state"] == "paused"
    before, samples = keys(), state()["samples"]
    until(lambda: state()["samples"] > samples + 4000)
    assert keys() == before
    assert ask(control, "snapshot")["people"]["me"]["tail"] == 0
    done = emgtype("resume", "--endpoint", endpoint)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"people": ["me"]}
    until(lambda: len(keys()) > len(before))
    assert keys().startswith(before)

    with pytest.raises(InputError, match="nobody is called 'bob'"):
        ask(control, "pause", "bob")
    with pytest.raises(InputError, match="'dance' is not known: expected one of status"):
        ask(control, "dance")
    with pytest.raises(InputError, match="start the daemon with --inject"):
        ask(control, "undo")
    assert ask(control, "reset")["people"] == ["me"]
    typed, figures = keys(), json.dumps(ask(control, "status"), ensure_ascii=False)
    assert ask(control, "shutdown")["ok"]
    out, said = daemon.communicate(timeout=30)
    assert daemon.returncode == 0, said
    assert json.loads(out)["lost"] == 0
    # Twelve characters that no sentence of ours has by chance: what was typed is told in no report.
    assert not [typed[at : at + 12] for at in range(len(typed) - 11) if typed[at : at + 12] in said + out + figures]


def test_another_bundle_and_a_mark_while_somebody_types(
    typing: tuple[str, subprocess.Popen[str]], emgtype: Run, tmp_path: Path
) -> None:
    endpoint, daemon = typing
    control = control_endpoint(endpoint)

    def me() -> dict[str, Any]:
        found: dict[str, Any] = ask(control, "status")["people"]["me"]
        return found

    with Subscriber(endpoint, "me", ["mark"]) as subscriber:
        until(lambda: me()["samples"] > 4000)
        assert me()["bundle"] == "demo"
        until(lambda: ask(control, "mark", arg="now") and subscriber.receive(0.5))
        assert ask(control, "mark", arg="here")["people"] == ["me"]
        mark = until(lambda: subscriber.receive(0.5))
        assert isinstance(mark, Mark)
        assert (mark.mark, mark.person) == ("here", "me")
    with pytest.raises(InputError, match="the request mark wants a NAME"):
        ask(control, "mark")
    with pytest.raises(InputError, match="256 printable characters"):
        ask(control, "mark", arg="a\nb")

    done = emgtype("control", "reload", "nowhere", "--endpoint", endpoint)
    assert done.returncode == 2
    assert "no model bundle 'nowhere'" in done.stderr
    done = emgtype("control", "reload", "generic", "--endpoint", endpoint)
    assert done.returncode == 0, done.stderr
    assert me()["bundle"] == "generic"
    (tmp_path / "holding.toml").write_text('[decoder.commit]\nmode = "hold"\n')
    done = emgtype("control", "profile", tmp_path / "holding.toml", "--endpoint", endpoint)
    assert done.returncode == 0, done.stderr
    assert (me()["profile"], me()["bundle"]) == (str(tmp_path / "holding.toml"), "generic")
    assert ask(control, "shutdown")["ok"]
    out, said = daemon.communicate(timeout=30)
    assert "decoded by generic from here on" in said
    assert json.loads(out)["lost"] == 0


def test_a_request_without_a_running_daemon_is_an_error(emgtype: Run, tmp_path: Path) -> None:
    done = emgtype("control", "status", "--endpoint", f"ipc://{tmp_path}/text")
    assert done.returncode == 2
    assert "nobody answers" in done.stderr


def test_an_interrupt_ends_a_daemon_that_takes_requests(typing: tuple[str, subprocess.Popen[str]]) -> None:
    endpoint, daemon = typing
    until(lambda: ask(control_endpoint(endpoint), "status"))
    daemon.send_signal(signal.SIGINT)
    daemon.communicate(timeout=30)
    assert daemon.returncode == 130
