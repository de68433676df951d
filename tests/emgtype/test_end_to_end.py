"""The whole chain with the shipped bundle: in one process however it is fed, and as processes over real sockets."""

import json
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from adapters.sessions.reader import SessionReader
from decoder.metrics import CharacterErrors
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.replay.key_delays import ShownKeys
from emgtype.replay.replay import pieces
from messages.charset import text_to_labels
from messages.signal import Chunk
from messages.text import render

Run = Callable[..., subprocess.CompletedProcess[str]]


def decoded(
    chunks: Iterable[Chunk], flags: Mapping[str, object] = MappingProxyType({}), block: int | None = None
) -> ShownKeys:
    config = load_config(flags={"bundle": "demo", **flags})
    pipeline, keys = assemble(open_bundle("demo"), config, block=block), ShownKeys()
    for chunk in chunks:
        for event in pipeline.push(chunk):
            keys.push(event)
    for event in pipeline.finish():
        keys.push(event)
    return keys


def randomly(chunks: Iterable[Chunk], seed: int) -> Iterable[Chunk]:
    rng = np.random.default_rng(seed)
    for chunk in chunks:
        cuts = np.sort(rng.integers(0, len(chunk.times), 12))
        for part in np.split(np.arange(len(chunk.times)), cuts):
            yield Chunk(chunk.samples[part], chunk.times[part], chunk.layout)


def test_the_same_text_comes_out_however_the_samples_are_cut(session_file: Path) -> None:
    with SessionReader(session_file) as session:
        whole = decoded(session.chunks(rows=len(session)))
        assert len(whole.labels) > 30
        for cut in (session.chunks(), pieces(session.chunks(), 32), randomly(session.chunks(), 1)):
            again = decoded(cut)
            assert again.labels == whole.labels
            assert again.final == whole.final
        one_by_one = decoded(pieces(session.chunks(end=session.start + 6), 1))
        assert one_by_one.labels == decoded(session.chunks(end=session.start + 6)).labels


def test_long_blocks_of_the_encoder_type_the_text_of_hops(session_file: Path) -> None:
    with SessionReader(session_file) as session:
        hops, blocks = (decoded(session.chunks(), block=block) for block in (None, OFFLINE))
    assert blocks.labels == hops.labels
    assert blocks.final == hops.final


def test_kenlm_itself_types_the_same_text(session_file: Path) -> None:
    with SessionReader(session_file) as session:
        flat, kenlm = (
            decoded(session.chunks(), {"decoder.language_model.backend": backend, "decoder.language_model.weight": 0.8})
            for backend in ("flat", "kenlm")
        )
    assert flat.final == kenlm.final
    assert len(flat.final) > 30


def test_the_shipped_model_reads_its_person_on_a_new_donning(session_file: Path) -> None:
    with SessionReader(session_file) as session:
        keys, truth = decoded(session.chunks()), session.labels(session.start, session.end)
    assert CharacterErrors.between(keys.labels, truth).cer < 25  # far from chance; benchmarks/accuracy.py measures it


def test_replay_reports_and_emissions_decode_to_the_same_truth(
    emgtype: Run, session_file: Path, tmp_path: Path
) -> None:
    done = emgtype("replay", session_file, "--fast", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["beam"]["target"] == report["greedy"]["target"] > 30
    assert set(report["stages_ms"]) == {"conditioner", "spectrogram", "gate", "encoder", "decoder"}
    assert report["real_time_factor"] > 0
    # A key is shown after its press by what the model waits, and final by confidence or a lag later.
    assert 0 < report["shown_ms"]["p50"] < report["final_ms"]["p50"] < 800
    assert report["final_ms"]["p95"] >= 800
    assert emgtype("emissions", session_file, "--out", "e.npz").returncode == 0
    assert (tmp_path / "e.npz").stat().st_mode & 0o777 == 0o600  # it holds what was typed
    beam = json.loads(emgtype("decode", "e.npz", "--json", "--nbest", "3").stdout)
    greedy = json.loads(emgtype("decode", "e.npz", "--json", "--greedy").stdout)
    assert [r["total"] for r in beam] == sorted((r["total"] for r in beam), reverse=True)
    assert greedy[0]["cer"] == pytest.approx(CharacterErrors(**report["greedy"]).cer, abs=0.01)
    assert beam[0]["cer"] < greedy[0]["cer"] + 5


def test_commit_rules_are_compared_on_one_encoding_of_the_session(
    emgtype: Run, session_file: Path, tmp_path: Path
) -> None:
    done = emgtype("commit-sweep", session_file, "--json", "--plot", "sweep.png")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 6
    finals = [found[f"hold {lag} s"]["final_ms"]["p50"] for lag in ("0", "0.16", "0.4", "0.8")]
    assert finals == sorted(finals)
    assert all(rule["retracted"] == 0 for name, rule in found.items() if name.startswith("hold"))
    assert found["hold 0.8 s or 0.9"]["final_ms"]["p50"] < found["hold 0.8 s"]["final_ms"]["p50"]
    assert found["revise, show 0.6"]["shown_ms"]["p50"] < found["hold 0.8 s or 0.99"]["shown_ms"]["p50"]
    assert found["revise, show 0.6"]["retracted"] <= found["revise, show 0"]["retracted"]
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_paced_replay_takes_its_time_and_types_the_text_of_the_fast_one(emgtype: Run, short_session_file: Path) -> None:
    start = time.monotonic()
    paced = emgtype("replay", short_session_file)
    with SessionReader(short_session_file) as session:
        assert time.monotonic() - start > session.end - session.start
        text = [line for line in paced.stdout.splitlines() if line]
        fast = decoded(session.chunks())
    report = "".join(text)
    assert paced.returncode == 0, paced.stderr
    assert len(fast.labels) > 10
    for line in render(fast.labels).splitlines():
        assert line.strip() in report


@pytest.mark.long
def test_demo_runs_three_processes_and_loses_no_sample(emgtype: Run) -> None:
    done = emgtype("demo", "--seconds", "25")
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"\b\d+ samples, 0 lost", done.stdout)
    assert "press → shown at the subscriber" in done.stdout
    cer = float(re.search(r"live, beam[^│]*│\s*([\d.]+)", done.stdout).group(1))  # type: ignore[union-attr]
    assert cer < 40


@pytest.mark.slow
def test_two_bands_are_served_as_one_and_heard_by_a_subscriber(
    environment: dict[str, str], short_session_file: Path, tmp_path: Path, bundle_with: Callable[..., Path]
) -> None:
    names = [f"{side}-{uuid.uuid4()}" for side in ("left", "right")]
    endpoint, played = f"ipc://{tmp_path}/text", str(short_session_file)
    theirs = bundle_with("theirs", licence="CC-BY-NC-SA-4.0")
    calls = {
        "player": ["simulate", "--play", played, "--bands", *names, "--sample-numbers", "--wait", "60"],
        "listener": ["listen", "--endpoint", endpoint, "--raw"],
        "daemon": ["serve", "--bands", *names, "--endpoint", endpoint, "--json", "--bundle", str(theirs)],
    }
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", *call],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, call in calls.items()
    }
    try:
        assert processes["player"].wait(120) == 0
        time.sleep(0.5)
        heard, said = {}, {}
        for name in ("daemon", "listener"):
            processes[name].send_signal(signal.SIGINT)
            heard[name], said[name] = processes[name].communicate(timeout=30)
            assert "Traceback" not in said[name]
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    assert "weights: CC-BY-NC-SA-4.0, non-commercial use only" in said["daemon"]
    with SessionReader(short_session_file) as session:
        truth = session.labels(session.start, session.end)
        assert len(truth) > 20
        assert json.loads(heard["daemon"])["lost"] == 0
        assert json.loads(heard["daemon"])["samples"] > 0.98 * len(session)  # the ends of a stream pair with nothing
    typed = text_to_labels(heard["listener"].replace("⏎\n", "⏎"))
    assert CharacterErrors.between(typed, truth).cer < 25


def test_info_tells_of_sessions_and_bundles(emgtype: Run, session_file: Path) -> None:
    session = json.loads(emgtype("info", session_file, "--json").stdout)
    assert session["user"] == "00000001"
    assert session["keystrokes"] > 30
    bundle = json.loads(emgtype("info", "demo", "--json").stdout)
    assert bundle["encoder"]["receptive_field"] == 125
    assert bundle["language model"]["kind"] == "text"


@pytest.mark.parametrize("command", ["serve", "listen", "replay", "simulate"])
def test_ctrl_c_ends_a_command_cleanly_and_soon(
    environment: dict[str, str], session_file: Path, tmp_path: Path, command: str
) -> None:
    name = f"test-{uuid.uuid4()}"
    arguments = {
        "serve": ["--stream", name, "--endpoint", f"ipc://{tmp_path}/text"],
        "listen": ["--endpoint", f"ipc://{tmp_path}/text"],
        "replay": [str(session_file)],
        "simulate": ["--play", str(session_file), "--stream", name],
    }
    player = None
    if command == "serve":
        call = [sys.executable, "-m", "emgtype.cli", "simulate", *arguments["simulate"], "--wait", "60"]
        player = subprocess.Popen(call, env=environment, stderr=subprocess.DEVNULL)
    call = [sys.executable, "-m", "emgtype.cli", command, *arguments[command]]
    process = subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline()  # every command says what it does when it begins
        time.sleep(1)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in said
    finally:
        process.kill()
        if player:
            player.kill()
            player.wait()


def test_simulated_prompts_are_unrelated_words_if_asked_for(emgtype: Run, tmp_path: Path) -> None:
    prompts = {}
    for name, flags in (("running", ()), ("words", ("--words",))):
        done = emgtype(
            "simulate", "--person", 970, "--minutes", 0.5, "--text", "train", *flags, "--out", f"{name}.hdf5"
        )
        assert done.returncode == 0, done.stderr
        with SessionReader(tmp_path / f"{name}.hdf5") as session:
            prompts[name] = [prompt.text for prompt in session.prompts]
    assert len(prompts["words"]) > 2
    assert all(len(text.split()) == 4 for text in prompts["words"])
    assert not all(len(text.split()) == 4 for text in prompts["running"])
