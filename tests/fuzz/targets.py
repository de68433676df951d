"""What reads bytes from outside: each target takes any bytes, and may raise InputError alone, soon and in little room.

`python -m tests.fuzz` gives them millions of inputs (atheris, guided by coverage), tests/fuzz/test_targets.py a few.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from adapters import wire
from adapters.control import _request
from adapters.lsl_channels import map_channels
from adapters.lsl_streams import StreamSummary
from adapters.session_format import LAYOUT, keystrokes_from_json, minutes_from, prompts_from_json
from decoder.charset import KEYS
from decoder.errors import InputError
from decoder.hot_words import parse_hot_words
from decoder.lm import LanguageModelFacts
from decoder.messages import Key, TextEvent
from emgtype.assembly import open_bundle
from emgtype.config import load_config
from emgtype.places import PACKAGE
from streamer.bundle_facts import PREFIX, BundleFacts
from streamer.model_file import read_facts
from streamer.model_metadata import read_metadata

_FOLDER = Path(mkdtemp(prefix="emgtype-fuzz-"))
_SESSION = Path("session.hdf5")


@dataclass(frozen=True, slots=True)
class Target:
    """A reader."""

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    """Inputs that it takes, to begin with."""
    tokens: tuple[str, ...] = field(default=())
    """Words of its language."""

    def __call__(self, data: bytes) -> bool:
        """Whether it takes the bytes; anything but an InputError goes through, and is a fault."""
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
    return load_config(_file("config.toml", data))


def _metadata(data: bytes) -> object:
    lines = (line.partition("=") for line in data.decode("utf-8", "replace").splitlines())
    return BundleFacts.from_metadata({PREFIX + name: value for name, _, value in lines}, "the model")


def _metadata_seed() -> list[bytes]:
    facts = open_bundle("demo").facts.to_metadata()
    return ["\n".join(f"{name.removeprefix(PREFIX)}={value}" for name, value in facts.items()).encode()]


def _model(data: bytes) -> object:
    return read_facts(str(_file("encoder.onnx", data)))


def _model_seed() -> list[bytes]:
    """A model file without its weights: what the facts' reader goes through."""
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
    """Lines: name, type, format, source id, channels, rate, then a label and a unit for each channel."""
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


def _shipped(name: str) -> Callable[[], list[bytes]]:
    return lambda: [PACKAGE.find(name).read_bytes()]


def _requests() -> list[bytes]:
    whole: dict[str, Any] = {"v": 1, "do": "mark", "person": "me", "arg": "here", "id": "7"}
    return [json.dumps(whole).encode(), b'{"v":1,"do":"status"}']


TARGETS: Mapping[str, Target] = {
    "config": Target(_config, _shipped("config.toml")),
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
}
