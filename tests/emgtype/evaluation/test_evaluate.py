import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.datasets.splits import Splits, write_splits
from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from adapters.sessions.writer import SessionWriter
from decoder.ctc.greedy import GreedyDecoder
from emgtype.config import DecoderConfig, load_config
from emgtype.evaluation.decoding import GREEDY, Decoded, Task, attempt, decode, live
from emgtype.evaluation.evaluate import Evaluation, Plan, evaluate
from emgtype.evaluation.output import report, write
from emgtype.evaluation.runner import Runner
from emgtype.evaluation.store import Store
from emgtype.evaluation.tables import cer_table
from emgtype.evaluation.trials import (
    EVERYBODY,
    Model,
    Row,
    SessionList,
    Trial,
    find_sessions,
    leaks,
    learned_from,
    table_rows,
)
from emgtype.evaluation.tuning import Grid
from emgtype.evaluation.workers import Cluster, Processes
from emgtype.models.bundle import open_bundle
from messages.charset import labels_to_text
from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import StftFacts
from simulator.population import population_hash
from streamer.front_end.stft import Spectrogram
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import TrainedEncoder
from training.models.families import make_encoder

Run = Callable[..., subprocess.CompletedProcess[str]]


class InProcess:
    """A backend without processes, which remembers what it was asked for."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Decoded | str]]:
        for task in tasks:
            self.tasks.append(task)
            yield task, attempt(task)


@pytest.fixture(scope="module")
def demo() -> Model:
    return Model(open_bundle("demo"))


@pytest.fixture
def data(tmp_path: Path, session_file: Path) -> Path:
    """Make a data set of two copies of one session."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("val", "test"):
        shutil.copy(session_file, folder / f"{name}.hdf5")
    return folder


@pytest.fixture
def config() -> DecoderConfig:
    return load_config().decoder


def plan_of(demo: Model, config: DecoderConfig, paths: Sequence[Path], user: str = "00000001") -> Plan:
    row = Row("model", "demo", {EVERYBODY: demo})
    return Plan((row,), SessionList(tuple(Trial(user, path) for path in paths)), config)


def test_records_are_taken_as_contiguous_whatever_their_stamps_say(
    demo: Model, config: DecoderConfig, session_file: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.hdf5"
    with SessionReader(session_file) as whole, SessionWriter(torn, user="1") as writer:
        for chunk in whole.chunks():
            late = chunk.times >= whole.start + 15
            writer.append(replace(chunk, times=chunk.times + 5.0 * late))  # five seconds of the clock, no sample lost
        writer.keystrokes = whole.keystrokes
        writer.prompts = whole.prompts
    decodings = (GREEDY, live(demo.bundle, config))
    smooth, jumped = (decode(Task(path, demo.bundle.folder, "", decodings)) for path in (session_file, torn))
    assert len(smooth.truth) > 20
    assert len(smooth.readings) == 2
    assert smooth.readings == jumped.readings
    assert smooth.population == population_hash()
    assert jumped.population is None
    assert jumped.user == "00000001"
    assert smooth.minutes == jumped.minutes


def test_what_is_known_is_not_decoded_again(demo: Model, config: DecoderConfig, data: Path, tmp_path: Path) -> None:
    session = data / "test.hdf5"
    store, first, second = Store(tmp_path / "cache"), InProcess(), InProcess()
    plan = plan_of(demo, config, [session])
    result = evaluate(plan, Runner(store, first))
    again = evaluate(plan, Runner(store, second))
    assert (len(first.tasks), len(second.tasks)) == (1, 0)
    assert report(again, []) == report(result, [])
    more = evaluate(replace(plan, lags=(0.0,)), Runner(store, second))
    (task,) = second.tasks
    assert [d.beam.commit.lag_s for d in task.decodings if d.beam] == [0.0]  # the configured lag was known
    assert list(more.rows[0].lags) == [0.0, config.commit.lag_s]
    (stored,) = (tmp_path / "cache").rglob("*.json")
    assert stored.stat().st_mode & 0o777 == 0o600  # it holds what was typed
    stored.write_text("half a fi")
    evaluate(plan, Runner(store, second))
    assert len(second.tasks) == 2
    os.utime(session)  # another recording under the same name
    evaluate(plan, Runner(store, second))
    assert len(second.tasks) == 3


def test_a_session_that_fails_is_named_and_the_rest_go_on(
    demo: Model, config: DecoderConfig, session_file: Path, tmp_path: Path
) -> None:
    broken, silent = tmp_path / "broken.hdf5", tmp_path / "silent.hdf5"
    broken.write_bytes(session_file.read_bytes()[:50_000])
    with SessionReader(session_file) as whole, SessionWriter(silent, user="1") as writer:
        for chunk in whole.chunks():
            writer.append(chunk)
    plan = replace(plan_of(demo, config, [broken, session_file, silent]), beam=False)
    evaluation = evaluate(plan, Runner(Store(tmp_path / "cache"), InProcess()))
    assert [s.session for s in evaluation.rows[0].greedy.sessions] == ["typed"]
    assert "truncated" in evaluation.failures[broken]
    assert "nothing" in evaluation.failures[silent] or "what was typed" in evaluation.failures[silent]
    with pytest.raises(InputError, match="not one session"):
        evaluate(plan_of(demo, config, [broken]), Runner(Store(tmp_path / "cache"), InProcess()))


def test_a_fault_of_ours_costs_one_session_only(session_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_task: Task) -> Decoded:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("emgtype.evaluation.decoding.decode", fail)
    assert attempt(Task(session_file, Path(), "", ())) == "ZeroDivisionError: of ours"


def test_tuning_reads_validation_sessions_only_and_encodes_each_once(
    demo: Model, config: DecoderConfig, data: Path, tmp_path: Path
) -> None:
    backend = InProcess()
    grid = Grid((0.3, 0.65), (1.5,))
    plan = replace(
        plan_of(demo, config, [data / "test.hdf5"]), grid=grid, validation=(Trial("00000001", data / "val.hdf5"),)
    )
    (row,) = evaluate(plan, Runner(Store(tmp_path / "cache"), backend)).rows
    assert row.tuning is not None
    assert [task.session.stem for task in backend.tasks] == ["val", "test"]
    assert len(backend.tasks[0].decodings) == 2
    chosen = [d.beam.language_model for d in backend.tasks[1].decodings if d.beam]
    assert [(c.weight, c.bonus_nats) for c in chosen] == [row.tuning.best]
    assert row.tuning.sessions == ("val",)
    with pytest.raises(InputError, match="no validation sessions"):
        evaluate(replace(plan, validation=()), Runner(Store(tmp_path / "cache"), backend))


def test_a_bundle_without_language_model_is_not_called_one_with(
    config: DecoderConfig, session_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    shutil.copy(open_bundle("demo").encoder, folder)
    bare = Model(open_bundle(str(folder)))
    (row,) = evaluate(plan_of(bare, config, [session_file]), Runner(Store(tmp_path / "c"), InProcess())).rows
    assert not row.language_model
    plan = replace(plan_of(bare, config, [session_file]), grid=Grid(), validation=(Trial("00000001", session_file),))
    with pytest.raises(InputError, match="no language model to tune"):
        evaluate(plan, Runner(Store(tmp_path / "c"), InProcess()))


def test_a_model_that_cannot_stream_is_evaluated_as_well(
    config: DecoderConfig, session_file: Path, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    sizes = {"bands": 2, "electrodes": 16, "bins": 33, "mlp_features": 6, "hidden": 5, "layers": 1}
    encoder = make_encoder({"family": "spatial_lstm", **sizes}).eval()
    with torch.no_grad():
        list(encoder.parameters())[-1].zero_()  # so that what it hears decides: more than one key
    trained = TrainedEncoder(encoder, LAYOUT, StftFacts(), {}, 0)
    facts = facts_of(trained, name="both ways", hop=4, provenance={})
    export_bundle(encoder, tmp_path / "both", facts, "card")
    both = Model(open_bundle(str(tmp_path / "both")))
    assert both.bundle.facts.encoder.kind == "whole"
    decoded = decode(Task(session_file, both.bundle.folder, "", (GREEDY, live(both.bundle, config))))
    with SessionReader(session_file) as session:
        frames = Spectrogram(StftFacts(), LAYOUT).push(session.read(0, len(session))).values
    with torch.no_grad():
        log_probs = encoder(torch.from_numpy(frames)[None])[0].numpy()
    labels = [key.label for key in GreedyDecoder().push(Emission(log_probs, np.zeros(len(log_probs))))]
    assert len(labels) > 10
    assert decoded.readings[GREEDY.key] == labels_to_text(labels)
    assert decoded.readings[live(both.bundle, config).key]


def test_models_are_found_by_user_and_a_leak_is_told(demo: Model, tmp_path: Path) -> None:
    for name in ("generic", "scratch/910", "finetuned/00000911"):
        shutil.copytree(demo.bundle.folder, tmp_path / name)
    generic, scratch, finetuned = table_rows(tmp_path)
    trials = [Trial(user, Path(f"{user}.hdf5")) for user in ("00000910", "00000911", "00000912")]
    sessions = {row.name: [trial.user for trial, _ in row.trials(trials)] for row in (generic, scratch, finetuned)}
    assert sessions == {
        "generic": ["00000910", "00000911", "00000912"],
        "scratch": ["00000910"],
        "finetuned": ["00000911"],
    }
    with pytest.raises(InputError, match="holds no models"):
        table_rows(tmp_path / "generic")

    provenance = {"personalised": {"sessions": ["b"]}, "base": {"sessions": ["a"]}}
    facts = replace(demo.bundle.facts, provenance=provenance)
    fitted = Model(replace(demo.bundle, facts=facts))
    assert learned_from(fitted) == {"a", "b"}
    (sentence,) = leaks([Row("r", "r", {EVERYBODY: fitted})], [Trial("1", Path("a.hdf5")), Trial("1", Path("c.hdf5"))])
    assert "learnt from a," in sentence
    assert leaks([Row("r", "r", {EVERYBODY: demo})], trials) == []


def test_rows_over_different_people_are_compared_over_those_whom_all_have(
    demo: Model, config: DecoderConfig, data: Path, tmp_path: Path
) -> None:
    for source, name in (("val", "same1"), ("test", "other")):
        shutil.copy(data / f"{source}.hdf5", data / f"{name}.hdf5")
    trials = tuple(Trial(user, data / f"{name}.hdf5") for user, name in (("1", "val"), ("1", "same1"), ("2", "other")))
    generic, scratch = Row("generic", "everybody's", {EVERYBODY: demo}), Row("scratch", "one's own", {"1": demo})
    plan = Plan((generic, scratch), SessionList(trials), config, beam=False)
    evaluation = evaluate(plan, Runner(Store(tmp_path / "cache"), InProcess()))
    assert [list(row.greedy.users) for row in evaluation.rows] == [["1", "2"], ["1"]]
    assert [[s.session for s in row.greedy.sessions] for row in evaluation.shared] == [["val", "same1"]] * 2
    shared = report(evaluation, [])["rows_over_shared_sessions"]
    assert shared["generic"] == shared["scratch"]  # the same model over the same sessions
    table = cer_table(evaluation)
    assert list(table.columns[-1].cells) == ["3", "2", "", "2", "2"]
    (alone,) = evaluate(replace(plan, rows=(generic,)), Runner(Store(tmp_path / "cache"), InProcess())).rows
    assert replace(evaluation, rows=(alone, alone)).shared == ()


def test_broken_files_of_a_folder_are_failures_and_others_trials(tmp_path: Path, session_file: Path) -> None:
    shutil.copy(session_file, tmp_path)
    (tmp_path / "bad.hdf5").write_bytes(b"no")
    sessions = find_sessions([tmp_path])
    assert [(trial.user, trial.session) for trial in sessions.trials] == [("00000001", "typed")]
    assert list(sessions.failures) == [tmp_path / "bad.hdf5"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no session"):
        find_sessions([tmp_path / "empty"])


def test_files_hold_the_figures(demo: Model, config: DecoderConfig, session_file: Path, tmp_path: Path) -> None:
    plan = replace(plan_of(demo, config, [session_file]), lags=(0.0,))
    evaluation = evaluate(plan, Runner(Store(tmp_path / "cache"), InProcess()))
    figures = report(evaluation, ["emgtype", "evaluate"])
    assert write(evaluation, tmp_path / "out", figures)
    out = tmp_path / "out"
    assert json.loads((out / "results.json").read_text()) == json.loads(json.dumps(figures))
    assert figures["simulated_populations"] == [population_hash()]
    assert not figures["real_recordings"]
    errors = evaluation.rows[0].best.errors
    with (out / "per_key.csv").open(newline="") as file:
        keys = list(csv.DictReader(file))
    assert sum(int(row["typed"]) for row in keys) == errors.target
    with (out / "confusion.csv").open(newline="") as file:
        matrix = list(csv.reader(file))
    assert matrix[0][-1] == "(missed)"
    assert matrix[-1][0] == "(not typed)"
    assert sum(int(count) for row in matrix[1:-1] for count in row[1:]) == errors.target
    assert sum(map(int, matrix[-1][1:])) == errors.insertions
    with (out / "cer_vs_delay.csv").open(newline="") as file:
        assert [float(row["lag_s"]) for row in csv.DictReader(file)] == [0.0, config.commit.lag_s]
    for name in ("keyboard.png", "cer_vs_delay.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert "simulated people" in evaluation.origin
    assert Evaluation((), {}, (), (), real=True).origin == "real recordings"


class Deadly(str):
    """Kills the process that unpickles it, as one dies that runs out of memory."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)


@pytest.mark.slow
def test_a_process_that_dies_costs_its_own_session_only(demo: Model, session_file: Path, tmp_path: Path) -> None:
    deadly = Task(tmp_path / "deadly.hdf5", demo.bundle.folder, Deadly("x"), (GREEDY,))
    well = [Task(session_file, demo.bundle.folder, "", (GREEDY,)), Task(tmp_path / "gone.hdf5", Path(), "", ())]
    results = dict(Processes(2).run([deadly, *well]))
    assert "died" in str(results[deadly])
    assert isinstance(results[well[0]], Decoded)
    assert "no model bundle" in str(results[well[1]]) or "no encoder.onnx" in str(results[well[1]])


@pytest.mark.slow
def test_the_table_of_a_data_set_in_one_command(emgtype: Run, data: Path, demo: Model, tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("generic", "finetuned/1"):
        shutil.copytree(demo.bundle.folder, models / name)
    user = "00000001"
    write_splits(data / "splits.yaml", Splits((), ((user, "val"),), ((user, "test"), (user, "gone"))))
    call = ("evaluate", "--data", data, "--models", models, "--out", tmp_path / "out", "--jobs", 2, "--lags", "")
    done = emgtype(*call, "--tune", "--weights", "0.65", "--bonuses", "1.5")
    assert done.returncode == 1, done.stderr
    assert "gone failed: no session file" in done.stderr
    ours, theirs = done.stdout.split("published, real recordings")
    assert population_hash() in ours
    assert "fine-tuned" in ours
    assert "51.78 ± 4.61" in theirs
    assert (tmp_path / "out" / "finetuned" / "keyboard.png").is_file()
    as_json = emgtype(*call, "--json")
    rows = json.loads(as_json.stdout)["rows"]
    replayed = emgtype("replay", data / "test.hdf5", "--fast", "--json", "--bundle", models / "generic")
    assert rows["generic"]["beam"]["cer"] == pytest.approx(json.loads(replayed.stdout)["cer"], abs=1e-3)
    assert rows["generic"]["greedy"]["cer"] == pytest.approx(json.loads(replayed.stdout)["greedy_cer"], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name either sessions"),
        (("typed.hdf5", "--data", "."), "name either sessions"),
        (("gone.hdf5",), "no session to test on"),
        (("typed.hdf5", "--tune"), "no validation sessions"),
        (("typed.hdf5", "--tune", "--greedy"), "drop one"),
        (("typed.hdf5", "--lags", "a"), "expected numbers"),
        (("typed.hdf5", "--splits", "x.yaml"), "goes with --data"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, emgtype: Run, session_file: Path, tmp_path: Path
) -> None:
    shutil.copy(session_file, tmp_path)
    refused = emgtype("evaluate", *arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_an_interrupted_evaluation_keeps_what_is_done(
    environment: dict[str, str], data: Path, tmp_path: Path, emgtype: Run
) -> None:
    for number in range(12):
        shutil.copy(data / "test.hdf5", data / f"more{number}.hdf5")
    call = [sys.executable, "-m", "emgtype.cli", "evaluate", str(data), "--out", str(tmp_path / "out"), "--jobs", "1"]
    cache = tmp_path / "out" / "cache"
    with subprocess.Popen(call, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(cache.rglob("*.json")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, output = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    stored = {path: path.stat().st_mtime_ns for path in cache.rglob("*.json")}
    assert 0 < len(stored) < 14
    assert emgtype("evaluate", data, "--out", tmp_path / "out").returncode == 0
    assert len(list(cache.rglob("*.json"))) == 14
    assert all(path.stat().st_mtime_ns == made for path, made in stored.items())


@pytest.mark.slow
def test_a_cluster_gives_what_the_cores_give(demo: Model, session_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    tasks = [Task(path, demo.bundle.folder, "", (GREEDY,)) for path in (session_file, tmp_path / "gone.hdf5")]
    cluster = Cluster("local", 1)
    try:
        results = dict(cluster.run(tasks))
    finally:
        cluster.close()
    assert results[tasks[0]] == attempt(tasks[0])
    assert "no session file" in str(results[tasks[1]])


def test_the_shipped_bundles_name_the_sessions_that_they_learnt_from() -> None:
    generic, demo = (learned_from(Model(open_bundle(name))) for name in ("generic", "demo"))
    assert {"person100-0", "person171-1", "person180-0"} <= generic
    assert generic | {"person1-1000", "person1-1015"} <= demo
