"""Bundles of a personalisation: their contents, refusals to replace a model, and failures to write."""

import dataclasses
import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.bundles.checksums import write_checksums
from adapters.bundles.personal_layers import known_persons, read_person
from adapters.sessions.format import LAYOUT
from emgtype.config import load_config
from emgtype.datasets.simulated import write_session
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from messages.errors import InputError
from messages.model_facts import StftFacts
from simulator.person import make_person
from simulator.session import typing_session
from streamer.encoder.onnx_file import read_facts
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import WEIGHTS, TrainedEncoder, load_encoder, write_weights
from training.models.tds import TDSConfig, TDSEncoder
from training.personal import bundle as personalise_bundle
from training.personal.bundle import write_bundle
from training.personal.data import Parts, split_sessions
from training.personal.fit import Personalised
from training.personal.module import InputLayer, Method
from training.personal.target import PERSONALISED, Target, refuse_worse

TEXT = ["the cat sat on the mat and the dog sat on the log " * 9]
CONFIG = TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=12, channels=4, kernel=8, blocks=2)


def encoder(seed: int) -> TDSEncoder:
    torch.manual_seed(seed)
    model = TDSEncoder(CONFIG)
    model.input_norm(torch.randn(4, 32, 33, 1))
    return model.eval()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    trained = TrainedEncoder(encoder(1), LAYOUT, StftFacts(), {}, 3)
    licensed = dataclasses.replace(trained, licence="CC-BY-NC-SA-4.0")
    facts = facts_of(licensed, name="base", hop=4, provenance={"trained_on": "people"})
    export_bundle(trained.encoder, folder, facts, "# base\n")
    write_weights(trained, folder / WEIGHTS)
    (folder / "lm.binary").write_bytes(b"a language model")
    (folder / "lm.json").write_text("{}")
    write_checksums(folder)
    return folder


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("person")
    for donning in (1, 2):
        write_session(folder / f"typed-{donning}.hdf5", typing_session(make_person(960), donning, TEXT, 24.0))
    return sorted(folder.glob("*.hdf5"))


@pytest.fixture(scope="module")
def parts(paths: list[Path]) -> Parts:
    return split_sessions(paths[:1], LAYOUT, 400)


def result_of(base: Path, method: Method = "full", before: float = 60.0, after: float = 20.0) -> Personalised:
    trained = load_encoder(base)
    layer = None
    if method == "layer":
        learned = InputLayer(2, 16, 33)
        torch.nn.init.normal_(learned.bias)
        layer = learned.export()
    else:
        trained = dataclasses.replace(trained, encoder=encoder(2))
    return Personalised(trained, layer, before, after, steps=90, seconds=61.5, interrupted=False)


def write(target: Target, parts: Parts, result: Personalised) -> None:
    refuse_worse(target, parts, result)
    write_bundle(target, read_facts(str(target.base / "encoder.onnx")), parts, result)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_bundle_states_its_origin(base: Path, parts: Parts, tmp_path: Path) -> None:
    out = tmp_path / "models" / "mine"
    before = contents(base)
    write(Target(base, out, "full", "me"), parts, result_of(base))
    assert contents(base) == before
    assert sorted(contents(out)) == ["README.md", "SHA256SUMS", "encoder.onnx", "lm.binary", "lm.json", "weights.ckpt"]
    facts = read_facts(str(out / "encoder.onnx"))
    record = facts.provenance[PERSONALISED]
    assert (facts.name, facts.licence) == ("mine", "CC-BY-NC-SA-4.0")
    assert facts.provenance["base"] == {"trained_on": "people"}
    assert record["base"] == "base"
    assert record["sessions"] == ["typed-1"]
    assert (record["cer_before"], record["cer_after"], record["seconds"]) == (60.0, 20.0, 61.5)
    assert str(tmp_path) not in json.dumps(record) + (out / "README.md").read_text()
    assert load_encoder(out).sessions == ("typed-1",)
    loaded = load_encoder(out).encoder.state_dict()
    for name, tensor in encoder(2).state_dict().items():
        assert torch.equal(loaded[name], tensor)
    assert (out / "lm.binary").read_bytes() == b"a language model"
    assert sorted(p.name for p in out.parent.iterdir()) == ["mine"]


def test_a_layer_leaves_the_base_bit_identical_and_keeps_the_layers_of_others(
    base: Path, parts: Parts, tmp_path: Path
) -> None:
    out = tmp_path / "team"
    write(Target(base, out, "layer", "anna"), parts, result_of(base, "layer"))
    write(Target(base, out, "layer", "bea"), parts, result_of(base, "layer"))
    assert known_persons(out) == ["anna", "bea"]
    for name in ("encoder.onnx", WEIGHTS, "lm.binary"):
        assert (out / name).read_bytes() == (base / name).read_bytes()
    assert read_person(out, "anna")[1]["method"] == "layer"
    assert "persons/anna.npz" in (out / "SHA256SUMS").read_text()
    (base / "notes.txt").write_text("kept")
    write(Target(base, base, "layer", "anna"), parts, result_of(base, "layer"))  # into the base itself
    assert known_persons(base) == ["anna"]
    assert (base / "notes.txt").read_text() == "kept"


def test_a_layer_is_chosen_by_name_and_refused_with_other_weights(base: Path, parts: Parts, tmp_path: Path) -> None:
    out = tmp_path / "team"
    (base / "lm.binary").unlink()
    write(Target(base, out, "layer", "anna"), parts, result_of(base, "layer"))
    bundle = open_bundle(str(out))
    pipeline = assemble(bundle, load_config(flags={"pipeline.person": "anna"}))
    assert pipeline.personal is not None
    np.testing.assert_array_equal(pipeline.personal.bias, read_person(out, "anna")[0].bias)
    assert assemble(bundle, load_config()).personal is None
    with pytest.raises(InputError, match="no layer for the person 'carl': it knows anna"):
        assemble(bundle, load_config(flags={"pipeline.person": "carl"}))
    facts = read_facts(str(out / "encoder.onnx"))
    export_bundle(encoder(9), out, facts, "other weights")
    with pytest.raises(InputError, match=r"another encoder\.onnx"):
        assemble(bundle, load_config(flags={"pipeline.person": "anna"}))
    with pytest.raises(InputError, match="a layer fits a single encoder"):
        Target(base, out, "layer", "anna")


@pytest.mark.parametrize("method", ["full", "layer"])
def test_a_better_model_is_not_replaced(base: Path, parts: Parts, tmp_path: Path, method: Method) -> None:
    target = Target(base, tmp_path / "mine", method, "me")
    with pytest.raises(InputError, match=r"has 60\.0 % CER .* its base 60\.0 %: nothing was written"):
        write(target, parts, result_of(base, method, after=60.0))
    assert not target.out.exists()
    write(target, parts, result_of(base, method, after=20.0))
    before = contents(target.out)
    for worse in (20.0, 30.0):
        with pytest.raises(InputError, match=r"holds a better model: 20\.0 % CER"):
            write(target, parts, result_of(base, method, after=worse))
    assert contents(target.out) == before
    write(target, parts, result_of(base, method, after=19.0))
    assert contents(target.out) != before
    write_bundle(target, read_facts(str(base / "encoder.onnx")), parts, result_of(base, method, after=99.0))  # --force


def test_on_other_data_the_old_model_is_measured_again(
    base: Path, parts: Parts, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(base, tmp_path / "mine", "full", "me")
    write(target, parts, result_of(base))
    both = split_sessions(paths, LAYOUT, 400)
    asked: list[list[str]] = []

    def measured(trained: TrainedEncoder, _layer: object, unseen: list) -> float:  # type: ignore[type-arg]
        asked.append([part.name for part in unseen])
        return 40.0 if len(asked) % 2 else 50.0

    monkeypatch.setattr("training.personal.target.greedy_cer", measured)
    with pytest.raises(InputError, match=r"better model: 40\.0 % .* the new one 50\.0 %"):
        write(target, both, result_of(base))
    assert asked == [["typed-2"], ["typed-2"]]  # the old one has seen the other session
    shorter = split_sessions(paths[:1], LAYOUT, 400, minutes=0.3)
    with pytest.raises(InputError, match="was trained on all these sessions"):
        write(target, shorter, result_of(base))


def test_unsuitable_output_folders_are_refused_at_once(base: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match="is not a model bundle"):
        Target(base, tmp_path / "photos", "full", "me")
    with pytest.raises(InputError, match="is not a model bundle"):
        Target(base, tmp_path / "photos" / "a.jpg", "layer", "me")
    with pytest.raises(InputError, match="is the base itself"):
        Target(base, base, "head", "me")
    with pytest.raises(InputError, match="cannot name a file"):
        Target(base, tmp_path / "new", "layer", "../me")


def test_weights_of_another_graph_are_refused(base: Path, tmp_path: Path) -> None:
    write_weights(TrainedEncoder(encoder(8), LAYOUT, StftFacts(), {}, 3), base / WEIGHTS)
    with pytest.raises(InputError, match="expected the same model"):
        Target(base, tmp_path / "new", "full", "me").open_base()


def full_disk(*_arguments: object, **_more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def ctrl_c(*_arguments: object, **_more: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["_write_model", "write_checksums", "_replace", "write_weights"])
@pytest.mark.parametrize(("fails", "raised"), [(full_disk, InputError), (ctrl_c, KeyboardInterrupt)])
def test_the_old_bundle_stays_intact_if_writing_fails(
    base: Path,
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    fails: Callable[..., None],
    raised: type[BaseException],
) -> None:
    target = Target(base, tmp_path / "mine", "full", "me")
    write(target, parts, result_of(base))
    before = contents(target.out)
    monkeypatch.setattr(personalise_bundle, where, fails)
    with pytest.raises(raised, match="No space left" if raised is InputError else None):
        write(target, parts, result_of(base, after=10.0))
    assert contents(target.out) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base", "mine"]


def test_a_rename_that_fails_puts_the_old_bundle_back(
    base: Path, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(base, tmp_path / "mine", "full", "me")
    write(target, parts, result_of(base))
    (target.out / "notes.txt").write_text("kept")
    before = contents(target.out)
    rename = Path.rename

    def fails_for_the_draft(self: Path, to: Path) -> Path:
        if self.name == "mine" and self != target.out:
            full_disk()
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fails_for_the_draft)
    with pytest.raises(InputError, match="the folder is unchanged"):
        write(target, parts, result_of(base, after=10.0))
    assert contents(target.out) == before
    monkeypatch.undo()
    write(target, parts, result_of(base, after=10.0))
    assert (target.out / "notes.txt").read_text() == "kept"
