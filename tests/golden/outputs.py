"""Record the outputs of a checkout that are compared: events, emissions, reports, the form of a status."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py

from tests.golden.checkouts import Checkout, Done
from tests.golden.differences import form
from tests.golden.published import collected, gap

SESSIONS = {
    "ann": (1, 61),
    "bob": (2, 62),
    "bands": (1, 63),
    "faults": (1, 64),
    "hold": (3, 65),
    "hot": (1, 66),
    "short": (1, 67),
}
"""Person and donning of each session, the seeds of the simulator; the last one is for bad inputs alone."""
MINUTES = {name: 0.3 if name == "short" else 1.4 for name in SESSIONS}
_FAULTS = "loss@5+5=0.1,jitter@12+8=0.02,nan@22+3=3/left,stall@30+1,band@36+2/right,dead@45+6=2,jump@55=3"
_ATTEMPTS = 20
# Fields that depend on the speed of the machine, or hold sentences.
_OF_THE_MACHINE = {"wall", "compute", "stages_ms", "real_time_factor", "age_ms", "says"}
_STATUS_S = 60.0
_STATUS_SAMPLES = 6000


@dataclass(frozen=True, slots=True)
class EventCase:
    """A replay whose events are compared."""

    session: str
    bundle: str
    flags: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """By their old dotted names."""

    @property
    def hidden(self) -> bool:
        """Tell a replay that names no endpoint, but publishes in the folder for temporary files."""
        return "--faults" in self.flags


CASES = {
    "events of a person": EventCase("ann", "demo"),
    "events of another person": EventCase("bob", "generic"),
    "events of two streams": EventCase("bands", "demo", ("--faults", "skew=0")),
    "events with faults": EventCase("faults", "demo", ("--faults", _FAULTS)),
    "events of hold": EventCase("hold", "generic", (), {"decoder.commit": "hold"}),
    "events with hot words": EventCase("hot", "demo", (), {"decoder.hot_words": ["whale", "Ahab:3", "the sea:2"]}),
}
"""The six sessions of the comparison."""


REPORTS = {
    "report of decode": ("decode", "EMISSIONS", "--bundle", "demo", "--nbest", "3"),
    "report of commit-sweep": ("replay", "SESSION", "--bundle", "demo", "--commit-sweep"),
    "report of check": ("check", "SESSION", "--bundle", "demo"),
    "report of data check": ("data", "check", "SESSION"),
}
"""Commands whose JSON is compared beside the issue's list, since they cost a second each."""


class FailedError(Exception):
    """A command that should have succeeded has failed."""


def make_session(checkout: Checkout, name: str, path: Path) -> None:
    """Simulate a session into a new file."""
    person, donning = SESSIONS[name]
    folder = checkout.folder("simulate")
    out = folder / path.name
    seeds = ("--person", person, "--donning", donning, "--minutes", MINUTES[name])
    _succeeded(checkout.run(folder, "simulate", *seeds, "--out", out))
    shutil.move(out, path)


def simulated(checkout: Checkout, name: str) -> dict[str, Any]:
    """Simulate a session; returns its attributes and digests of its arrays."""
    path = checkout.folder("simulated") / "session.hdf5"
    make_session(checkout, name, path)
    contents: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        contents[f"{name} attributes"] = {key: str(value) for key, value in sorted(item.attrs.items())}
        if isinstance(item, h5py.Dataset):
            rows = item[:]
            contents[name] = {column: sha256(rows[column].tobytes()).hexdigest() for column in rows.dtype.names or ()}

    with h5py.File(path) as file:
        file.visititems(visit)
    return contents


def events(checkout: Checkout, case: EventCase, session: Path) -> dict[str, Any]:
    """Replay a session; returns the published messages, and the report without the machine's fields."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        folder = checkout.folder(f"e{attempt}", case.settings)
        call = ["replay", session, "--fast", "--json", "--bundle", case.bundle, *case.flags]
        if case.hidden:
            find = partial(_hidden_endpoint, folder)
        else:
            endpoint = f"ipc://{folder}/text"
            call += ["--publish", "--endpoint", endpoint]
            find = partial(str, endpoint)
        with collected(find) as messages:
            done = _succeeded(checkout.run(folder, *call))
        if not (reason := gap(messages)):
            lasting = [{key: value for key, value in m.items() if key not in ("run", "sent")} for m in messages]
            return {"messages": lasting, "report": _timeless(json.loads(done.out))}
    raise FailedError(f"the subscriber came too late {_ATTEMPTS} times: {reason}")


def _hidden_endpoint(folder: Path) -> str | None:
    """Find the socket that a replay with faults publishes at: in a new folder among the temporary files."""
    return next((f"ipc://{path}" for path in folder.glob("*/text")), None)


def report(checkout: Checkout, call: tuple[str, ...], session: Path) -> Any:
    """Run a command that ends with --json; returns its report but for the fields that depend on the machine."""
    folder = checkout.folder("report")
    done = checkout.run(folder, *(session if word == "SESSION" else word for word in call), "--json")
    return {"code": done.code, "report": _timeless(json.loads(_succeeded(done, codes=(0, 1)).out))}


def emissions(checkout: Checkout, bundle: str, session: Path, out: Path) -> dict[str, Any]:
    """Write a session's emissions into a file; returns its path."""
    _succeeded(checkout.run(checkout.folder("emissions"), "emissions", session, "--bundle", bundle, "--out", out))
    return {"file": str(out)}


def status(checkout: Checkout, session: Path) -> Any:
    """Serve two live bands for some seconds; returns the form of the daemon's status."""
    folder = checkout.folder("status")
    bands = tuple(f"golden-{os.getpid()}-{checkout.sockets.name}-{side}" for side in ("left", "right"))
    endpoint = f"ipc://{folder}/text"
    playing = ("simulate", "--play", session, "--bands", *bands, "--sample-numbers", "--wait", 60)
    serving = ("serve", "--bands", *bands, "--endpoint", endpoint, "--bundle", "demo", "--quiet")
    with checkout.start(folder, *playing) as player, checkout.start(folder, *serving) as daemon:
        try:
            return form(_status_of(checkout, folder, endpoint, daemon))
        finally:
            checkout.run(folder, "control", "shutdown", "--endpoint", endpoint)
            for process in (daemon, player):
                _end(process)


def _status_of(checkout: Checkout, folder: Path, endpoint: str, daemon: "subprocess.Popen[str]") -> Any:
    """Ask until enough samples have come for every figure to be known."""
    end = time.monotonic() + _STATUS_S
    while time.monotonic() < end and daemon.poll() is None:
        done = checkout.run(folder, "control", "status", "--endpoint", endpoint)
        if done.code == 0:
            answer = json.loads(done.out)
            if all(person["samples"] > _STATUS_SAMPLES for person in answer["people"].values()):
                return answer
        time.sleep(0.3)
    raise FailedError("the daemon decoded no samples" if daemon.poll() is None else f"serve ended: {daemon.returncode}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _succeeded(done: Done, codes: tuple[int, ...] = (0,)) -> Done:
    if done.code not in codes:
        raise FailedError(f"exit code {done.code}: {' '.join(done.err.split())[-600:]}")
    return done


def _timeless(value: Any) -> Any:
    """Leave out the fields that depend on the machine, and of sentences keep their times or their number."""
    if isinstance(value, list):
        return [_timeless(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    fields = {name: _timeless(inner) for name, inner in value.items() if name not in _OF_THE_MACHINE}
    if "said" in fields:
        fields["said"] = [time for time, _sentence in fields["said"]]
    if "problems" in fields:
        fields["problems"] = len(fields["problems"])
    return fields
