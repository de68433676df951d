"""What reads bytes from outside: each target takes any bytes, and may raise InputError alone, soon and in little room.

`python -m tests.fuzz` gives them millions of inputs (atheris, guided by coverage), tests/fuzz/test_targets.py a few.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from adapters.datasets.splits import read_splits
from adapters.lsl.channels import map_channels
from adapters.lsl.discover import StreamSummary
from adapters.sessions.flight_file import _flight as flight_from
from adapters.sessions.format import LAYOUT, keystrokes_from_json, minutes_from, prompts_from_json
from adapters.sessions.truth import read_truth
from adapters.wire import format as wire
from adapters.wire.control import _request
from adapters.wire.curve import load_client_certificate
from adapters.wire.endpoint import check_endpoint
from decoder.language.hot_words import parse_hot_words
from decoder.language.model import LanguageModelFacts
from emgtype.bands.profile_file import read_reference, reference_path, write_corrections
from emgtype.config import Config, _overlay, _read
from emgtype.datasets.events import COLUMNS, read_events
from emgtype.models.bundle import open_bundle
from emgtype.places import PACKAGE
from emgtype.recording.prompting import read_prompts
from messages.charset import KEYS
from messages.errors import InputError
from messages.model_facts import PREFIX, ModelFacts
from messages.tables import build
from messages.text import Key, TextEvent
from simulator.fault_plan import parse_faults
from streamer.conditioning.corrections import Corrections
from streamer.encoder._onnx_metadata import read_metadata
from streamer.encoder.onnx_file import read_facts

_FOLDER = Path(mkdtemp(prefix="emgtype-fuzz-"))
_SESSION = Path("session.hdf5")
_ARRAYS = {"samples": np.zeros((9, 2, 16), np.float32), "times": np.arange(9.0), "array0": np.zeros(3)}
_SHIPPED = _read(PACKAGE.find("config.toml"))


@dataclass(frozen=True, slots=True)
class Target:
    """A reader of bytes."""

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    """Inputs that it takes, to begin with."""
    tokens: tuple[str, ...] = field(default=())
    """Words of its language."""
    longest: int = 8192
    """Bytes of an input."""

    def __call__(self, data: bytes) -> bool:
        """Tell whether the bytes are accepted; anything but an InputError passes through, and is a fault."""
        try:
            self.read(data)
        except InputError:
            return False
        return True


def _file(name: str, data: bytes) -> Path:
    path = _FOLDER / name
    path.write_bytes(data)
    return path


def _config(data: bytes) -> object:
    """Read settings as `load_config` does, without the shipped settings, which would take most of the time."""
    table, path = deepcopy(_SHIPPED), _file("config.toml", data)
    _overlay(table, _read(path))
    return build(Config, table, str(path))


def _config_seeds() -> list[bytes]:
    """Return sections without their comments: short inputs are quick."""
    sections, lines = list[bytes](), PACKAGE.find("config.toml").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("["):
            sections.append(b"")
        if sections and (told := line.partition("#")[0].strip()):
            sections[-1] += told.encode() + b"\n"
    return sections


def _metadata(data: bytes) -> object:
    lines = (line.partition("=") for line in data.decode("utf-8", "replace").splitlines())
    return ModelFacts.from_metadata({PREFIX + name: value for name, _, value in lines}, "the model")


def _metadata_seed() -> list[bytes]:
    facts = open_bundle("demo").facts.to_metadata()
    return ["\n".join(f"{name.removeprefix(PREFIX)}={value}" for name, value in facts.items()).encode()]


def _model(data: bytes) -> object:
    return read_facts(str(_file("encoder.onnx", data)))


def _model_seed() -> list[bytes]:
    """Return a model file without its weights, as the reader of facts sees it."""
    metadata = read_metadata(str(PACKAGE.find("exported/demo/encoder.onnx")))
    entries = b"".join(_length(14, _length(1, k.encode()) + _length(2, v.encode())) for k, v in metadata.items())
    return [b"\x08\x08" + _length(7, b"graph") + entries]


def _length(number: int, content: bytes) -> bytes:
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes([*head, size]) + content


def _control(data: bytes) -> object:
    return _request(data.split(b"\xff\xff"))  # parts of a message


def _message(data: bytes) -> object:
    return wire.decode(data.split(b"\xff\xff"))


def _messages() -> list[bytes]:
    sender = wire.Sender("0f", "session", "me")
    event = TextEvent(1, (Key(7, 2.5, 0.5),), 1, 3.0, 4)
    messages: list[wire.Message] = [
        wire.TextMessage(sender, 4, 9.0, event),
        wire.Partial(sender, 5, 9.0, "line", 2),
        wire.Heartbeat(sender, 6, 9.0, {"keys": 5}),
    ]
    encodings: tuple[wire.Encoding, ...] = ("json", "msgpack")
    return [b"\xff\xff".join(wire.encode(message, encoding)) for message in messages for encoding in encodings]


def _session_texts(data: bytes) -> object:
    text = data.decode("utf-8", "surrogateescape")
    for read in (keystrokes_from_json, prompts_from_json, minutes_from):
        try:
            read(text, _SESSION)
        except InputError:
            continue
    return None


def _stream(data: bytes) -> object:
    """Read lines: name, type, format, source id, channels, rate, then a label and a unit for each channel."""
    name, kind, form, source, channels, rate, *rest = [*data.decode("utf-8", "replace").split("\n"), *[""] * 6][:2000]
    try:
        count, samples = int(channels) % 1000, float(rate)
    except ValueError:
        return None
    labels, units = (tuple([*rest[start::2], *[""] * count][:count]) for start in (0, 1))
    summary = StreamSummary(name, kind, count, samples, form, source, "host", labels, units)
    assert str(summary)
    sides = LAYOUT.sides if count > LAYOUT.electrodes + 1 else LAYOUT.sides[:1]
    return map_channels(summary, LAYOUT, sides)


def _stream_seed() -> list[bytes]:
    labels = [f"{side}_{electrode}\nmicrovolts" for side in LAYOUT.sides for electrode in range(LAYOUT.electrodes)]
    return ["\n".join(["bands", "EMG", "float32", "id", "32", "2000", *labels]).encode()]


def _hot_words(data: bytes) -> object:
    return parse_hot_words(data.decode("utf-8", "replace").split("\n"), 1.0)


def _language_model(data: bytes) -> object:
    return LanguageModelFacts.from_json(data.decode("utf-8", "replace"))


def _flight(data: bytes) -> object:
    """Read the record of a flight; its arrays are not touched."""
    try:
        return flight_from(json.loads(data), _ARRAYS)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):  # as `read_flight`
        return None


def _flight_seed() -> list[bytes]:
    step = {"do": "samples", "at": 1.5, "rows": 2, "why": "", "event_count": 0, "model": None}
    event = {"erase": 0, "insert": [{"label": 7, "time": 1.0, "confidence": 0.5}], "tail": 0, "time": 1.0, "seq": 0}
    record = {
        "version": 2,
        "person": "me",
        "whole": True,
        "event_count": 0,
        "model": {},
        "layout": {"rate": 2000.0, "unit": "uV", "sides": ["left", "right"], "electrodes": 16},
        "steps": [step, {**step, "do": "state", "rows": 0, "state": {"a": {"array": 0}}}],
        "events": [[0, event]],
    }
    return [json.dumps(record).encode()]


def _key_log(data: bytes) -> object:
    return read_truth(_file("session.hdf5.truth", data))


def _profile(data: bytes) -> object:
    """Write corrections into a profile; behind 0xff stands the state of its wearer's signal."""
    text, _, reference = data.partition(b"\xff")
    path = _file("profile.toml", text)
    if reference:
        _file(reference_path(path).name, reference)
        read_reference(path, LAYOUT)
    write_corrections(path, Corrections(notch_hz=50.0))
    return None


def _profile_seeds() -> list[bytes]:
    shape = (LAYOUT.bands, LAYOUT.electrodes)
    levels, pattern = np.zeros(shape), np.zeros((LAYOUT.bands, 2, LAYOUT.electrodes, LAYOUT.electrodes))
    reference = {"layout": {"sides": LAYOUT.sides}, "levels_db": levels.tolist(), "pattern": pattern.tolist()}
    return [b"hop = 4\n[conditioner]\nroll = [1, 2]\n", b"# mine\n\xff" + json.dumps(reference).encode()]


def _curve(data: bytes) -> object:
    path = _file("laptop.json", data)
    path.chmod(0o600)
    return load_client_certificate(path)


def _endpoint(data: bytes) -> object:
    check_endpoint(data.decode("utf-8", "replace").replace("ipc://", "ipc://" + str(_FOLDER)))
    return None


def _faults(data: bytes) -> object:
    return parse_faults(data.decode("utf-8", "replace"), LAYOUT)


def _shipped(name: str) -> Callable[[], list[bytes]]:
    return lambda: [PACKAGE.find(name).read_bytes()]


def _requests() -> list[bytes]:
    whole: dict[str, Any] = {"v": 1, "do": "mark", "person": "me", "arg": "here", "id": "7"}
    return [json.dumps(whole).encode(), b'{"v":1,"do":"status"}']


TARGETS: Mapping[str, Target] = {
    "config": Target(_config, _config_seeds, longest=512),
    "facts": Target(_metadata, _metadata_seed),
    "model": Target(_model, _model_seed),
    "control": Target(_control, _requests, ("do", "person", "arg", "id", "status")),
    "message": Target(_message, _messages, ("keys", "insert", "erase", "tail", "seq", "run")),
    "truth": Target(
        _session_texts,
        lambda: [
            b'[{"ascii":104,"key":"h","start":1.5,"end":1.6}]',
            b'[{"name":"text_prompt","start":1,"end":2,"payload":{"text":"hi"}}]',
            b"3.5",
        ],
        tuple(KEYS[-6:]),
    ),
    "stream": Target(_stream, _stream_seed, ("left_", "right_", "volts", "sample_number")),
    "hot_words": Target(_hot_words, lambda: [b"emgtype:2\nNew York\nSivakumar"]),
    "language_model": Target(_language_model, _shipped("exported/demo/lm.json")),
    "flight": Target(_flight, _flight_seed, ("hear", "settle", "remember", "array", "rows"), longest=2048),
    "key_log": Target(
        _key_log, lambda: [b'{"key":"h","start":1.5,"end":1.6}\n{"text":"hi","start":1,"end":2}\n'], longest=1024
    ),
    "prompts": Target(lambda data: read_prompts(_file("prompts.txt", data)), lambda: [b"hi there\n\nand more"]),
    "profile": Target(_profile, _profile_seeds, ("[conditioner]", "notch_hz", "gain"), longest=1024),
    "curve": Target(_curve, lambda: [json.dumps(dict.fromkeys(("public", "secret", "server"), "0" * 40)).encode()]),
    "endpoint": Target(_endpoint, lambda: [b"tcp://127.0.0.1:5757", b"ipc:///x", b"tcp://[::1]:*"], ("localhost",)),
    "faults": Target(_faults, lambda: [b"nan@20+1=3/left, jitter=0.02", b"disconnect@3+1,loss"], ("/right", "@1+2")),
    "splits": Target(
        lambda data: read_splits(_file("splits.yaml", data)),
        lambda: [b"train:\n- {user: a, session: b}\nval:\n- {user: a, session: c}\ntest:\n- {user: a, session: d}\n"],
        longest=512,
    ),
    "events": Target(
        lambda data: read_events(_file("events.tsv", data)),
        lambda: ["\n".join("\t".join(row) for row in (COLUMNS, ("0", "1", "keystroke", "h", "1.5", "1.6"))).encode()],
    ),
}
