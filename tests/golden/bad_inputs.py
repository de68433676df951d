"""List inputs that go wrong, each in another way, and make the files that they name."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.golden.checkouts import Checkout

Make = Callable[[Path, Path, Path], object]
"""Makes the files of an input: gets an empty folder, a whole session, and the shipped bundle `demo`."""
# A line of liblsl's own log begins with date, time, thread, line of its source and level.
_LIBLSL = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+ .*\| ")


@dataclass(frozen=True, slots=True)
class BadInput:
    """A call that is refused."""

    name: str
    call: str
    """As typed in a shell; SESSION is a whole session."""
    names: tuple[str, ...]
    """Words of which the refusal should hold one: the culprit, by its old and its new name."""
    make: Make | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    """Settings in ./config.toml, by their old dotted names."""


def refusal(checkout: Checkout, bad: BadInput, session: Path) -> dict[str, Any]:
    """Run a call; returns its exit code and its text: standard error, or without one standard output."""
    folder = checkout.folder("bad", dict(bad.settings))
    if bad.make:
        bad.make(folder, session, checkout.root / "exported" / "demo")
    done = checkout.run(folder, *(str(session) if word == "SESSION" else word for word in shlex.split(bad.call)))
    text = "".join(line for line in (done.err or done.out).splitlines(keepends=True) if not _LIBLSL.match(line))
    for path, mark in ((checkout.root, "CHECKOUT"), (folder, "FOLDER"), (session, "SESSION")):
        text = text.replace(str(path), mark)
    return {"code": done.code, "text": text}


def _written(name: str, content: str | bytes) -> Make:
    """Return a maker of one file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder, _session, _bundle: (folder / name).write_bytes(data)


def _edited(name: str, edit: Callable[[h5py.File], object]) -> Make:
    """Return a maker of a changed copy of the session."""

    def make(folder: Path, session: Path, _bundle: Path) -> None:
        shutil.copy(session, folder / name)
        with h5py.File(folder / name, "r+") as file:
            edit(file)

    return make


def _bundle(name: str, changed: str, change: Callable[[bytes], bytes | None]) -> Make:
    """Return a maker of a copy of the demo's bundle with one file changed, or removed where `change` returns None."""

    def make(folder: Path, _session: Path, bundle: Path) -> None:
        shutil.copytree(bundle, folder / name)
        content = change((bundle / changed).read_bytes())
        (folder / name / changed).unlink()
        if content is not None:
            (folder / name / changed).write_bytes(content)

    return make


def _cut(folder: Path, session: Path, _bundle: Path) -> None:
    (folder / "cut.hdf5").write_bytes(session.read_bytes()[:200_000])


def _without_time(file: h5py.File) -> None:
    rows = file["emg2qwerty/timeseries"]
    bare = np.zeros(len(rows), [(name, rows.dtype[name]) for name in ("emg_right", "emg_left")])
    del file["emg2qwerty/timeseries"]
    file["emg2qwerty"].create_dataset("timeseries", data=bare)


def _with_nan(file: h5py.File) -> None:
    row = file["emg2qwerty/timeseries"][20_000]
    row["emg_left"][3] = np.nan
    file["emg2qwerty/timeseries"][20_000] = row


def _of_another_alphabet(content: bytes) -> bytes:
    facts = json.loads(content)
    facts["tokens"]["a"] = "α"
    return json.dumps(facts).encode()


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _arrays(name: str, **arrays: Any) -> Make:
    return lambda folder, _session, _bundle: np.savez(folder / name, **arrays)


def _empty_folder(folder: Path, _session: Path, _bundle: Path) -> None:
    (folder / "hollow").mkdir()


_GROUP = "emg2qwerty"
_TWICE = "train:\n- {user: a, session: s1}\nval:\n- {user: a, session: s1}\ntest: []\n"
_NOBODY = (("source.timeout", 0.5),)

SESSIONS = (
    BadInput("session missing", "replay none.hdf5 --fast --bundle demo", ("none.hdf5",)),
    BadInput("session is text", "replay a.hdf5 --fast --bundle demo", ("a.hdf5",), _written("a.hdf5", "hello")),
    BadInput("session cut off", "replay cut.hdf5 --fast --bundle demo", ("cut.hdf5",), _cut),
    BadInput("session without time", "replay a.hdf5 --fast --bundle demo", ("time",), _edited("a.hdf5", _without_time)),
    BadInput("session with NaN", "replay a.hdf5 --fast --bundle demo", ("20000",), _edited("a.hdf5", _with_nan)),
    BadInput(
        "session too short",
        "replay a.hdf5 --fast --bundle demo",
        ("2000 samples",),
        _edited("a.hdf5", lambda file: file[_GROUP]["timeseries"].resize(2000, axis=0)),
    ),
    BadInput(
        "session with broken keys",
        "replay a.hdf5 --fast --bundle demo",
        ("a.hdf5",),
        _edited("a.hdf5", lambda file: file[_GROUP].attrs.__setitem__("keystrokes", '[{"key": ')),
    ),
    BadInput("two sessions", "replay SESSION SESSION --fast --bundle demo", ("several", "SESSION", "argument")),
    BadInput("data check of garbage", "data check a.hdf5", ("a.hdf5",), _written("a.hdf5", "hello")),
    BadInput("xdf garbage", "data convert a.xdf a.hdf5", ("a.xdf",), _written("a.xdf", "hello")),
    BadInput("flight is garbage", "replay a.flight --bundle demo", ("a.flight",), _written("a.flight", "hello")),
    BadInput("flight missing", "replay none.flight --bundle demo", ("none.flight",)),
    BadInput(
        "emissions of another shape", "decode a.npz --bundle demo", ("27",), _arrays("a", log_probs=np.zeros((5, 27)))
    ),
    BadInput("emissions that are text", "decode a.npz --bundle demo", ("a.npz",), _written("a.npz", "hello")),
)
"""Files of signals."""

BUNDLES = (
    BadInput("bundle unknown", "replay SESSION --fast --bundle nothing", ("nothing",)),
    BadInput("folder without a bundle", "info hollow", ("hollow",), _empty_folder),
    BadInput(
        "bundle with a broken encoder",
        "replay SESSION --fast --bundle ./mine",
        ("encoder.onnx", "mine"),
        _bundle("mine", "encoder.onnx", lambda _content: b"no model"),
    ),
    BadInput(
        "bundle without lm.json",
        "replay SESSION --fast --bundle ./mine",
        ("lm.json",),
        _bundle("mine", "lm.json", lambda _content: None),
    ),
    BadInput(
        "language model of another alphabet",
        "replay SESSION --fast --bundle ./mine",
        ("alphabet",),
        _bundle("mine", "lm.json", _of_another_alphabet),
    ),
    BadInput(
        "language model damaged",
        "replay SESSION --fast --bundle ./mine",
        ("lm.binary",),
        _bundle("mine", "lm.binary", _flipped),
        (("decoder.lm_backend", "kenlm"),),
    ),
)
"""Model bundles."""

SETTINGS = (
    BadInput("setting unknown", "replay SESSION --bundle demo", ("baem",), settings=(("decoder.baem", 3),)),
    BadInput("setting out of range", "replay SESSION --bundle demo", ("lag",), settings=(("decoder.lag", 99.0),)),
    BadInput(
        "setting of another type", "replay SESSION --bundle demo", ("beam",), settings=(("decoder.beam", "many"),)
    ),
    BadInput(
        "gate setting out of range",
        "replay SESSION --bundle demo",
        ("weak", "burst_tolerance_db"),
        settings=(("gate.weak", -3.0),),
    ),
    BadInput(
        "TOML broken", "replay SESSION --bundle demo", ("config.toml",), _written("config.toml", "[decoder\nbeam")
    ),
    BadInput("settings file missing", "replay SESSION --bundle demo --config none.toml", ("none.toml",)),
    BadInput("profile unknown", "replay SESSION --bundle demo --profile nobody", ("nobody",)),
    BadInput("hop of 0", "replay SESSION --fast --bundle demo --hop 0", ("hop",)),
    BadInput("hop is a word", "replay SESSION --fast --bundle demo --hop many", ("hop",)),
    BadInput("hot word weighs less than 0", "replay SESSION --fast --bundle demo --hot-word emg:-3", ("emg",)),
    BadInput("hot word of strange letters", "replay SESSION --fast --bundle demo --hot-word straße", ("straße",)),
    BadInput("hot words missing", "replay SESSION --fast --bundle demo --hot-words none.txt", ("none.txt",)),
    BadInput("fault unknown", "replay SESSION --fast --bundle demo --faults bogus@3", ("bogus",)),
    BadInput("fault out of range", "replay SESSION --fast --bundle demo --faults loss=7", ("loss",)),
    BadInput("faults beside --publish", "replay SESSION --fast --bundle demo --faults skew=0 --publish", ("publish",)),
    BadInput("picture without a sweep", "replay SESSION --fast --bundle demo --plot a.png", ("plot",)),
    BadInput("injection without arming", "replay SESSION --fast --bundle demo --arm", ("arm",)),
)
"""Settings and flags."""

LIVE = (
    BadInput("stream missing", "serve --bundle demo --stream nobody", ("nobody",), settings=_NOBODY),
    BadInput("endpoint is a word", "serve --bundle demo --endpoint nonsense", ("nonsense",), settings=_NOBODY),
    BadInput("address unsafe", "serve --bundle demo --endpoint tcp://0.0.0.0:5757", ("0.0.0.0",), settings=_NOBODY),
    BadInput("person with a dot", "serve --bundle demo --stream nobody --person a.b", ("a.b",), settings=_NOBODY),
    BadInput("stream and bands", "record --user 1 --stream a --bands b c", ("bands",)),
    BadInput("request unknown", "control dance", ("dance",)),
    BadInput("daemon missing", "control status --endpoint ipc://none", ("none",)),
    BadInput("health of no daemon", "health --endpoint ipc://none", ("none",)),
    BadInput("prompts missing", "record --user 1 --stream nobody --prompts none.txt", ("none.txt",), settings=_NOBODY),
    BadInput(
        "prompts empty", "record --user 1 --stream nobody --prompts a.txt", ("a.txt",), _written("a.txt", "\n"), _NOBODY
    ),
    BadInput("certificate of a bad name", "keys new a/b", ("a/b",)),
    BadInput("certificate of nobody", "keys revoke nobody", ("nobody",)),
    BadInput("certificate of bad letters", "keys allow me short", ("public key", "public certificate", "short")),
    BadInput("certificate missing", "listen --keys none.json", ("none.json",)),
)
"""Streams, sockets and certificates."""

OTHERS = (
    BadInput("nothing to simulate", "simulate", ("--out",)),
    BadInput("text missing", "simulate --text none.txt --out a.hdf5", ("none.txt",)),
    BadInput("command unknown", "dance", ("dance",)),
    BadInput("splits overlap", "evaluate --data . --splits a.yaml --bundle demo", ("s1",), _written("a.yaml", _TWICE)),
    BadInput(
        "splits are broken", "evaluate --data . --splits a.yaml --bundle demo", ("a.yaml",), _written("a.yaml", "{")
    ),
)
"""Everything else."""

BAD_INPUTS = (*SESSIONS, *BUNDLES, *SETTINGS, *LIVE, *OTHERS)
