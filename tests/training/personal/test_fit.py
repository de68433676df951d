"""Fitting an encoder to a person: changed and unchanged weights, and the end of the training."""

import copy
import dataclasses
import os
import signal

import numpy as np
import pytest
import torch

from adapters.sessions.format import LAYOUT
from emgtype.datasets.simulated import write_session
from messages.model_facts import StftFacts
from simulator.person import make_person
from simulator.session import typing_session
from training.data.windows import collate
from training.export.checkpoint import TrainedEncoder
from training.models.families import FAMILIES, encoder_of, model_config
from training.models.tds import TDSConfig, TDSEncoder
from training.personal.data import Parts, PersonWindows, WindowSizes, split_sessions
from training.personal.fit import PersonaliseSettings, greedy_cer, personalise
from training.personal.module import InputLayer, Method, PersonalModule, trainable
from training.recipe.settings import TrainSettings, WarmStart

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own deprecations

TEXT = ["the cat sat on the mat and the dog sat on the log " * 9]
QUICK = PersonaliseSettings(steps=6, validations=2, batch=2, window=4000)


@pytest.fixture(scope="module")
def base() -> TrainedEncoder:
    torch.manual_seed(5)
    encoder = TDSEncoder(
        TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=12, channels=4, kernel=8, blocks=2)
    ).eval()
    encoder.input_norm(torch.randn(4, 32, 33, 1))
    return TrainedEncoder(encoder, LAYOUT, StftFacts(), {"warm_start": {"delay": 0.08}}, 3)


@pytest.fixture(scope="module")
def parts(base: TrainedEncoder, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    path = tmp_path_factory.mktemp("person") / "one.hdf5"
    write_session(path, typing_session(make_person(960), 1, TEXT, 30.0))
    return split_sessions([path], base.layout, base.stft.samples(base.encoder.context + 1))


def changed(base: TrainedEncoder, other: TrainedEncoder) -> set[str]:
    after = other.encoder.state_dict()
    return {name for name, tensor in base.encoder.state_dict().items() if not torch.equal(tensor, after[name])}


@pytest.mark.parametrize("method", ["full", "layer", "head"])
def test_a_method_changes_its_own_weights_and_never_the_base(
    base: TrainedEncoder, parts: Parts, method: Method
) -> None:
    before = copy.deepcopy(base.encoder.state_dict())
    steps: list[int] = []
    settings = dataclasses.replace(QUICK, method=method)
    result = personalise(base, parts, settings, lambda step, _cer: steps.append(step))
    for name, tensor in base.encoder.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert steps == [1, 2, 3, 4, 5, 6]
    assert result.before == pytest.approx(greedy_cer(base, None, parts.held_out), abs=1e-4)
    assert result.after == pytest.approx(greedy_cer(result.trained, result.layer, parts.held_out), abs=0.5)
    assert result.after <= result.before
    assert result.steps in (0, 3, 6)
    assert not result.interrupted
    assert (result.layer is not None) == (method == "layer")
    norms_and_head = {n for n in before if "norm" in n or n.startswith("head") or n in ("scale", "shift")}
    actual = changed(base, result.trained)
    if method == "layer":
        assert result.trained is base
    elif result.steps:
        assert actual == ({n for n in before if "input_norm" not in n} if method == "full" else actual & norms_and_head)
        assert "head.weight" in actual


@pytest.mark.parametrize("method", ["full", "layer", "head"])
def test_a_step_changes_the_weights_of_the_method_alone(base: TrainedEncoder, parts: Parts, method: Method) -> None:
    module = PersonalModule(base, TrainSettings(model=TDSConfig(), warm_start=WarmStart()), method, 10).train()
    data = PersonWindows(
        parts.training, base.stft, QUICK.augmentation, sizes=WindowSizes(4000, 600, 400), count=2, seed=1
    )
    statistics = copy.deepcopy(dict(module.encoder.named_buffers()))
    module.log = lambda *_args, **_more: None  # type: ignore[method-assign]
    module.training_step(collate([data[0], data[1]]), 0).backward()  # type: ignore[no-untyped-call]
    with_gradient = {name for name, p in module.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    expected = {
        "full": {f"encoder.{name}" for name, _ in base.encoder.named_parameters()},
        "layer": {"layer.mixing", "layer.scale", "layer.bias"},
        "head": {
            f"encoder.{name}"
            for name, _ in base.encoder.named_parameters()
            if ".norm." in name or name.split(".")[0] in ("head", "scale", "shift")
        },
    }
    assert with_gradient == expected[method]
    for name, tensor in module.encoder.named_buffers():
        assert torch.equal(tensor, statistics[name])  # the BatchNorm's statistics are the base's


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_norms_and_head_of_every_family_are_few_weights(family: str) -> None:
    encoder = encoder_of(model_config({"family": family}).for_frames(LAYOUT, StftFacts().bins))
    count = sum(p.numel() for p in trainable(encoder, "head"))
    assert encoder.head.weight.numel() <= count < 0.2 * sum(p.numel() for p in encoder.parameters())


def test_the_learned_layer_is_the_one_that_the_daemon_runs() -> None:
    torch.manual_seed(1)
    layer = InputLayer(2, 5, 7)
    frames = torch.randn(11, 2, 5, 7)
    torch.testing.assert_close(layer(frames), frames)  # the identity at first
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    adapted = layer.export().adapted(frames.numpy())
    np.testing.assert_allclose(adapted, layer(frames[None])[0].detach().numpy(), rtol=0, atol=1e-5)


def test_frames_are_labelled_at_the_delay_of_the_base_and_prompts_give_plain_ctc(
    base: TrainedEncoder, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, float]] = []
    original = PersonalModule.frame_loss

    def recorded_frame_loss(self: PersonalModule, log_probs: torch.Tensor, *rest: object) -> torch.Tensor:
        assert isinstance(rest[-1], WarmStart)
        calls.append((len(log_probs), rest[-1].delay))
        return original(self, log_probs, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(PersonalModule, "frame_loss", recorded_frame_loss)
    personalise(base, parts, dataclasses.replace(QUICK, steps=1))
    assert calls == [(2, 0.08)]
    module = PersonalModule(base, TrainSettings(model=TDSConfig(), warm_start=WarmStart()), "full", 10)
    module.log = lambda *_args, **_more: None  # type: ignore[method-assign]
    data = PersonWindows(
        parts.training, base.stft, QUICK.augmentation, sizes=WindowSizes(4000, 600, 400), count=2, seed=1
    )
    timed, untimed = data[0], data[1]
    untimed = dataclasses.replace(untimed, presses=torch.full_like(untimed.presses, torch.nan))
    loss = module.training_step(collate([timed, untimed]), 0)
    assert calls[1:] == [(1, 0.06)]
    assert loss.isfinite()
    assert module.training_step(collate([untimed]), 0).isfinite()
    assert len(calls) == 2


def test_ctrl_c_ends_the_training_and_keeps_the_best_so_far(base: TrainedEncoder, parts: Parts) -> None:
    handler = signal.getsignal(signal.SIGINT)
    steps: list[int] = []

    def tell(step: int, _cer: float) -> None:
        steps.append(step)
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    result = personalise(base, parts, dataclasses.replace(QUICK, steps=1000), tell)
    assert result.interrupted
    assert steps[-1] in (4, 5)
    assert result.after <= result.before
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_training_ends_without_improvement(base: TrainedEncoder, parts: Parts) -> None:
    steps: list[int] = []
    settings = dataclasses.replace(QUICK, steps=1000, validations=1000, patience=3, rate=1e-12)
    result = personalise(base, parts, settings, lambda step, _cer: steps.append(step))
    assert steps[-1] == 3
    assert (result.steps, result.after) == (0, result.before)


def test_the_same_seed_gives_the_same_weights(base: TrainedEncoder, parts: Parts) -> None:
    settings = dataclasses.replace(QUICK, steps=9)  # a length at which torch's schedule would divide by 0
    assert not changed(personalise(base, parts, settings).trained, personalise(base, parts, settings).trained)
