"""`emgtype serve` for several people: flags, layers, and the daemon as a process with real streams and subscribers."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pylsl
import pytest

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import write_person
from adapters.lsl.outlet import LSLOutlet
from adapters.sessions.reader import SessionReader
from adapters.wire.format import TextMessage
from adapters.wire.subscriber import Subscriber
from emgtype.config import load_config
from emgtype.datasets.simulated import write_session
from emgtype.live.people import flags_of_each, gather
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.places import PACKAGE
from emgtype.replay.key_delays import ShownKeys
from emgtype.replay.replay import pieces
from emgtype.texts import load_text
from messages.errors import InputError
from messages.signal import Chunk
from messages.text import render
from simulator.person import make_person
from simulator.session import LAYOUT, typing_session
from streamer.encoder.personal_layer import PersonalLayer

Run = Callable[..., subprocess.CompletedProcess[str]]
BundleWith = Callable[..., Path]
BAD = 700  # the piece, of 1250, in which a value is not finite
FASTER = 3.0  # than typed: the daemon keeps up with more, and what counts is in the time stamps


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty seconds of the demo's person on two donnings: whoever wears the bands, the demo's model reads them."""
    paths = [tmp_path_factory.mktemp("people") / f"{donning}.hdf5" for donning in (4100, 4101)]
    for donning, path in zip((4100, 4101), paths, strict=True):
        write_session(path, typing_session(make_person(1), donning, load_text("demo"), 20.0))
    return paths


@pytest.fixture
def shared(bundle_with: BundleWith) -> Path:
    """A bundle that knows bob alone: with his layer, others' signals are read otherwise."""
    folder = bundle_with("shared")
    facts = open_bundle(str(folder)).facts
    shape = facts.front_end.shape(facts.layout)
    rolled = np.roll(np.eye(shape[1], dtype=np.float32), 1, axis=0)
    layer = PersonalLayer(
        "bob", np.stack([rolled] * shape[0]), np.ones(shape, np.float32), np.full(shape, 0.1, np.float32)
    )
    write_person(folder, layer, {"encoder_sha256": sha256(folder / "encoder.onnx")})
    return folder


def chunks_of(session: Path) -> list[Chunk]:
    """In pieces as a radio sends them, times from 0 s."""
    with SessionReader(session) as recorded:
        start = recorded.start
        return [Chunk(c.samples, c.times - start, c.layout) for c in pieces(recorded.chunks(), 32)]


def alone(chunks: Sequence[Chunk], bundle: Path | str, layer: str = "") -> ShownKeys:
    """What comes out where nobody else is served."""
    config = load_config(flags={"bundle": str(bundle), "pipeline.person": layer})
    pipeline, keys = assemble(open_bundle(config.bundle), config), ShownKeys()
    for chunk in chunks:
        for event in pipeline.push(chunk):
            keys.push(event)
    for event in pipeline.finish():
        keys.push(event)
    return keys


class Served:
    """A daemon as a process, with a subscriber to each person's topics."""

    def __init__(self, process: subprocess.Popen[str], subscribers: dict[str, Subscriber]) -> None:
        self.process = process
        self.subscribers = subscribers
        self.keys = {person: ShownKeys() for person in subscribers}
        self.seqs: dict[str, list[int]] = {person: [] for person in subscribers}
        self.beats = dict.fromkeys(subscribers, 0)

    def listen(self, seconds: float) -> None:
        """Take in what everybody's topics bring."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for person, subscriber in self.subscribers.items():
                while (message := subscriber.receive(0.001)) is not None:
                    assert message.person == person
                    if isinstance(message, TextMessage):
                        self.keys[person].push(message.event)
                        self.seqs[person].append(message.seq)
                    else:
                        self.beats[person] += 1

    def until_alive(self) -> None:
        """Until everybody's heartbeat is heard: the loop runs, and no text will be missed."""
        end = time.monotonic() + 60
        while not all(self.beats.values()):
            assert self.process.poll() is None
            assert time.monotonic() < end
            self.listen(0.1)

    def play(self, lines: Sequence[tuple[Sequence[LSLOutlet], Sequence[Chunk]]]) -> None:
        """Everybody's chunks side by side through their outlets, listening meanwhile."""
        offset = pylsl.local_clock()
        began = time.monotonic()
        for number in range(max(len(chunks) for _, chunks in lines)):
            for outlets, chunks in lines:
                for outlet in outlets:
                    if number < len(chunks):
                        outlet.push(chunks[number], offset)
            if number % 8 == 0:
                typed = number * 32 / LAYOUT.rate / FASTER
                self.listen(max(0.0, began + typed - time.monotonic()))
        self.listen(1.0)

    def end(self) -> tuple[str, str]:
        """Ctrl-C: what the daemon printed and said."""
        self.process.send_signal(signal.SIGINT)
        out, said = self.process.communicate(timeout=30)
        self.listen(0.5)
        assert "Traceback" not in said
        assert self.process.returncode == 130
        return out, said


@contextmanager
def serving(environment: dict[str, str], folder: Path, persons: Sequence[str], *arguments: str) -> Iterator[Served]:
    endpoint = f"ipc://{folder}/text"
    flags = [flag for person in persons for flag in ("--person", person)]
    with ExitStack() as stack:
        subscribers = {person: stack.enter_context(Subscriber(endpoint, person)) for person in persons}
        process = subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", "serve", "--endpoint", endpoint, *flags, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Served(process, subscribers)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_everybody_gets_the_text_that_they_get_alone(
    environment: dict[str, str], tmp_path: Path, sessions: list[Path], shared: Path
) -> None:
    names = {person: f"{person}-{uuid.uuid4()}" for person in ("ann", "bob", "carl")}
    flags = [flag for name in names.values() for flag in ("--stream", name)]
    sent = [chunks_of(session) for session in (*sessions, sessions[0])]
    bad = Chunk(np.full_like(sent[2][0].samples, np.nan), sent[2][BAD].times, LAYOUT)
    sent[2] = [*sent[2][:BAD], bad, *sent[2][BAD + 1 :]]
    with ExitStack() as stack:
        outlets = [stack.enter_context(LSLOutlet(n, LAYOUT, n, sample_numbers=True)) for n in names.values()]
        served = stack.enter_context(
            serving(environment, tmp_path, list(names), *flags, "--bundle", str(shared), "--json")
        )
        served.until_alive()
        served.play([([outlet], chunks) for outlet, chunks in zip(outlets, sent, strict=True)])
        printed, said = served.end()
    expected = {
        "ann": alone(sent[0], shared),
        "bob": alone(sent[1], shared, "bob"),
        "carl": alone(sent[2], shared),
    }
    assert expected["bob"].labels != alone(sent[1], shared).labels  # so the layer is his
    for person, keys in expected.items():
        assert len(keys.labels) > 10
        assert served.keys[person].labels == keys.labels
        assert len(served.keys[person].final) == len(keys.final)  # all of it settled
        assert served.seqs[person] == list(range(len(served.seqs[person])))
        assert served.subscribers[person].lost == 0
    assert said.count("carl: samples were missing for up to 200 ms") == 1
    assert "has layers of bob, none of ann" in said
    report = json.loads(printed)
    for person, chunks in zip(names, sent, strict=True):
        assert report["people"][person]["lost"] == 0
        assert report["people"][person]["samples"] == sum(len(chunk.times) for chunk in chunks)
    assert set(report["people"]["ann"]["stages_ms"]) == {"conditioner", "spectrogram", "gate", "decoder"}
    assert set(report["people"]["bob"]["stages_ms"]) == {"conditioner", "spectrogram", "gate", "decoder", "personal"}
    (encoder,) = report["encoders"]
    assert (encoder["people"], set(encoder["stages_ms"])) == (["ann", "bob", "carl"], {"encoder"})


@pytest.mark.slow
def test_bands_and_bundles_of_each_and_a_stream_that_ends(
    environment: dict[str, str], tmp_path: Path, sessions: list[Path]
) -> None:
    demo, generic = (str(PACKAGE.find(f"exported/{name}")) for name in ("demo", "generic"))
    names = [f"{side}-{uuid.uuid4()}" for _ in sessions for side in LAYOUT.sides]
    flags = ["--bands", *names[:2], "--bands", *names[2:], "--bundle", demo, "--bundle", generic]
    chunks = [chunks_of(session) for session in sessions]
    with ExitStack() as stack:
        leaving = ExitStack()
        # Without a source id liblsl cannot take up again a stream that has ended.
        ann = [leaving.enter_context(LSLOutlet(n, LAYOUT, "", band=b)) for b, n in enumerate(names[:2])]
        bob = [stack.enter_context(LSLOutlet(n, LAYOUT, n, band=b)) for b, n in enumerate(names[2:])]
        served = stack.enter_context(serving(environment, tmp_path, ["ann", "bob"], *flags))
        with leaving:
            served.until_alive()
            served.play([(ann, chunks[0])])
        served.play([(bob, chunks[1])])
        printed, said = served.end()
    texts = {}
    for person, recorded, bundle in zip(("ann", "bob"), chunks, (demo, generic), strict=True):
        keys = alone(recorded, bundle)
        assert served.keys[person].labels == keys.labels
        texts[person] = render(keys.labels)
    assert "ann: stream" in said
    assert "has ended and has no source id" in said
    lines = printed.splitlines()
    for person, text in texts.items():
        mine = [line.removeprefix(f"{person}: ") for line in lines if line.startswith(f"{person}: ")]
        assert mine == text.removesuffix("\n").split("\n")


def test_one_persons_flags_are_what_they_were() -> None:
    nothing = {"bundle": None, "source.stream": None, "source.bands": None, "person": None, "pipeline.person": None}
    assert flags_of_each((), (), (), ()) == [nothing]
    assert flags_of_each(("s",), (), ("p",), ("b",)) == [
        {"bundle": "b", "source.stream": "s", "source.bands": [], "person": "p", "pipeline.person": "p"}
    ]
    assert flags_of_each((), (("l", "r"),), (), ()) == [{**nothing, "source.bands": ["l", "r"]}]


def test_the_flags_of_several_go_by_their_order() -> None:
    ann, bob = flags_of_each((), (("a", "b"), ("c", "d")), ("ann", "bob"), ("one", "other"))
    assert (ann["bundle"], ann["source.bands"], ann["person"]) == ("one", ["a", "b"], "ann")
    assert (bob["bundle"], bob["source.bands"], bob["person"]) == ("other", ["c", "d"], "bob")
    assert [flags["bundle"] for flags in flags_of_each(("s", "t"), (), ("a", "b"), ("one",))] == ["one", "one"]
    assert [flags["bundle"] for flags in flags_of_each(("s", "t"), (), ("a", "b"), ())] == [None, None]


@pytest.mark.parametrize(
    ("flags", "because"),
    [
        ((("s",), (("l", "r"),), ("a", "b"), ()), "expected one of them"),
        ((("s", "t"), (), (), ()), "--person is given 0 times, expected 2"),
        ((("s", "t"), (), ("a",), ()), "--person is given 1 times, expected 2"),
        ((("s",), (), ("a", "b"), ()), "--person is given 2 times, expected 1"),
        ((("s",), (), (), ("b", "c")), "--bundle is given 2 times, expected once for all or 1"),
        ((("s", "t", "u"), (), ("a", "b", "c"), ("b", "c")), "--bundle is given 2 times, expected once for all or 3"),
        ((("s", "t"), (), ("a", "a"), ()), "--person names 'a' 2 times"),
        ((("s", "s"), (), ("a", "b"), ()), "--stream names 's' 2 times"),
        (((), (("l", "r"), ("q", "l")), ("a", "b"), ()), "--bands names 'l' 2 times"),
    ],
)
def test_flags_that_leave_something_open(
    flags: tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]], because: str
) -> None:
    with pytest.raises(InputError, match=because):
        flags_of_each(*flags)


def test_the_command_refuses_them_in_one_sentence(emgtype: Run) -> None:
    done = emgtype("serve", "--stream", "s", "--stream", "t", "--person", "ann")
    assert done.returncode == 2
    assert done.stderr == (
        "emgtype: --person is given 1 times, expected 2: once for each --stream or --bands, in the same order\n"
    )


def test_those_of_one_bundle_are_decoded_together_however_it_is_named(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shared)
    bundles = [str(shared), "demo", str(tmp_path / "link")]
    flags = flags_of_each(("s", "t", "u"), (), ("ann", "bob", "carl"), bundles)
    parties = gather([load_config(flags=each) for each in flags])
    assert [[person.config.person for person in party.people] for party in parties] == [["ann", "carl"], ["bob"]]
    assert [len(party.pipelines.pipelines) for party in parties] == [2, 1]


def test_among_several_each_has_their_layer_where_there_is_one_and_one_alone_must(shared: Path) -> None:
    flags = flags_of_each(("s", "t"), (), ("ann", "bob"), (str(shared),))
    ((ann, bob),) = [party.people for party in gather([load_config(flags=each) for each in flags])]
    assert ann.pipeline.personal is None
    assert "none of ann" in ann.note
    assert bob.pipeline.personal is not None
    assert bob.note == ""
    with pytest.raises(InputError, match="has no layer for the person 'ann'"):
        gather([load_config(flags=flags_of_each(("s",), (), ("ann",), (str(shared),))[0])])
