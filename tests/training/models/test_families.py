"""Properties of every encoder family."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from messages.errors import InputError
from messages.model_facts import ModelFacts, StftFacts
from messages.signal import Frames, Layout
from streamer.encoder.choice import open_encoder
from streamer.encoder.onnx_file import read_facts
from training.data.windows import Batch
from training.export.bundle import export_bundle, facts_of
from training.export.checkpoint import TrainedEncoder
from training.models.encoder_base import Encoder
from training.models.families import FAMILIES, encoder_of, make_encoder, model_config
from training.models.spatial import SpatialEncoder
from training.models.split_share import VARIANCE_FLOOR, SplitShareConfig, band_weights, normalise_rolling
from training.models.tds import RotationInvariantMLP, TDSConfig
from training.recipe.losses import TypedKeys, ctc
from training.recipe.settings import load_settings
from training.run.module import labelled_emissions

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
FRAME_SIZES: dict[str, Any] = {"bands": 2, "electrodes": 16, "bins": 33}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sizes_of_the_frames_come_from_layout_and_front_end(family: str) -> None:
    """No family assumes a number of bands or electrodes; sizes that are stated must be those of the sessions."""
    config = model_config({"family": family})
    with pytest.raises(InputError, match="do not state bands, electrodes, bins"):
        encoder_of(config)
    three = Layout(1000.0, "uV", ("left", "right", "neck"), 8)
    encoder = encoder_of(config.for_frames(three, 33))
    assert encoder(torch.zeros(1, encoder.context + 2, 3, 8, 33)).shape == (1, 2, 99)
    with pytest.raises(InputError, match="setting bands is 2, but the sessions have 3"):
        model_config({"family": family, "bands": 2}).for_frames(three, 33)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_is_made_again_from_its_plain_values(family: str) -> None:
    encoder = make_encoder({**FRAME_SIZES, "family": family})
    assert encoder.family == encoder.config.family == encoder.to_dict()["family"] == family
    again = make_encoder(encoder.to_dict())
    assert (type(again), again.config) == (type(encoder), encoder.config)


def test_values_without_a_family_are_tds() -> None:
    assert make_encoder({**FRAME_SIZES, "mlp_features": 48}).config == TDSConfig(
        bands=2, electrodes=16, bins=33, mlp_features=48
    )


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="'tda'"):
        make_encoder({"family": "tda"})


@pytest.mark.parametrize("context", [0, 3, 9])
def test_a_loss_gets_the_emissions_of_the_labelled_part_alone(context: int) -> None:
    """Emission k holds the number of its frame: the first emission is that of the labelled part, or a later one."""
    frames = torch.arange(20.0)
    log_probs = frames[context:].view(1, -1, 1).repeat(2, 1, 1)
    batch = Batch(
        frames=frames.view(1, 20, 1, 1, 1).repeat(2, 1, 1, 1, 1),
        lengths=torch.tensor([20, 17]),
        labels=torch.zeros(2, 1, dtype=torch.long),
        label_lengths=torch.tensor([1, 1]),
        presses=torch.tensor([[11.5], [12.5]]),
        firsts=torch.tensor([6, 2]),
    )
    actual, lengths, typed = labelled_emissions(log_probs, batch, context)
    for n, first in enumerate([max(6, context), max(2, context)]):
        assert actual[n, : lengths[n], 0].tolist() == list(range(first, int(batch.lengths[n])))
        assert typed.presses[n, 0] == batch.presses[n, 0] - first


SMALL: dict[str, Any] = {**FRAME_SIZES, "mlp_features": 12, "offsets": [-2, 0, 1]}
BLOCKS: dict[str, Any] = {**SMALL, "channels": 6, "kernel": 5, "blocks": 2}
LSTM: dict[str, Any] = {**SMALL, "family": "spatial_lstm", "hidden": 6, "layers": 2, "spatial_features": 5}
VARIANTS: dict[str, dict[str, Any]] = {
    "tds": {**BLOCKS, "family": "tds"},
    "tds, maxima": {**BLOCKS, "family": "tds", "pooling": "max"},
    "tds, one band of 8": {**BLOCKS, "family": "tds", "bands": 1, "electrodes": 8},
    "spatial_tds": {**BLOCKS, "family": "spatial_tds", "spatial_features": 5},
    "spatial_lstm": LSTM,
    "spatial_lstm, live": {**LSTM, "bidirectional": False},
    "split_share": {**BLOCKS, "family": "split_share", "memory": 20},
}


def trained_looking(values: dict[str, Any]) -> Encoder:
    """Make a model with non-trivial weights, norms and statistics, whose emissions are neither flat nor certain."""
    torch.manual_seed(7)
    model = make_encoder(values)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.uniform_(-2, 1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.3, 2)
        elif name.endswith(("scale", "shift", "norm.weight", "norm.bias")):
            tensor.add_(0.3 * torch.randn_like(tensor))
        elif name.startswith("lstm"):
            tensor.mul_(2)
    return model.eval()


def facts_for(model: Encoder) -> ModelFacts:
    sides = ("left", "right")[: model.config.bands]
    layout = Layout(2000.0, "uV", sides, model.config.electrodes)
    return facts_of(TrainedEncoder(model, layout, StftFacts(), {}, 0), name="test", hop=4, provenance={})


@pytest.fixture(scope="module", params=VARIANTS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Path]:
    model = trained_looking(VARIANTS[request.param])
    bundle = tmp_path_factory.mktemp("bundles") / "test"
    export_bundle(model, bundle, facts_for(model), "card")
    return model, bundle / "encoder.onnx"


@pytest.mark.parametrize(
    ("family", "parameters"),
    [("tds", 5_293_315), ("spatial_tds", 5_285_219), ("spatial_lstm", 2_909_187), ("split_share", 1_376_067)],
)
def test_the_numbers_of_parameters_are_the_published_ones(family: str, parameters: int) -> None:
    model = make_encoder({**FRAME_SIZES, "family": family})
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("hop", [1, 2, 3, 4, 8, 64])
def test_streaming_equals_offline_from_the_first_emission_on(exported: tuple[Encoder, Path], hop: int) -> None:
    model, path = exported
    rng = torch.Generator().manual_seed(hop)
    frames = model.plausible_frames(150, rng)
    frames[60:80] -= 4.0  # a level that jumps: rolling statistics must follow as they do offline
    with torch.no_grad():
        expected = model(frames[None])[0].numpy()
    assert expected.std() > 0.2
    encoder = open_encoder(str(path), hop)
    for _ in range(2):  # `finish` leaves it as after a reset
        cuts = [1, 5, 6, 40, 47, 100]
        pieces = zip(np.split(frames.numpy(), cuts), np.split(np.arange(150.0), cuts), strict=True)
        parts = [*(encoder.push(Frames.complete(*piece)) for piece in pieces), encoder.finish()]
        actual = np.concatenate([part.log_probs for part in parts])
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)
        assert np.concatenate([part.times for part in parts]).tolist() == list(range(model.context, 150))


def test_the_facts_name_family_and_states(exported: tuple[Encoder, Path]) -> None:
    model, path = exported
    facts = read_facts(str(path))
    assert (facts.encoder.family, facts.encoder.kind, facts.encoder.receptive_field) == (
        model.family,
        "streaming" if model.config.streams else "whole",
        model.context + 1,
    )
    kinds = {state.name.rstrip("_0123456789") for state in facts.encoder.states}
    expected = {"spatial_lstm": {"hidden", "cell"}, "split_share": {"context", "normalisation"}}
    assert kinds == (expected.get(model.family, {"context"}) if facts.encoder.kind == "streaming" else set())


def test_no_emission_sees_a_later_frame_unless_the_facts_say_so(exported: tuple[Encoder, Path]) -> None:
    model, _ = exported
    frames = model.plausible_frames(40, torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = model(frames[None])
        frames[30] += 1.0
        changed = (model(frames[None]) - before).abs().amax((0, 2)) > 1e-6
    first = int(changed.nonzero()[0, 0]) + model.context
    assert first == 30 if model.config.streams else first < 30


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_steps_reduce_the_loss(variant: str) -> None:
    """Every parameter gets a gradient, and a few steps on one batch learn some of it."""
    torch.manual_seed(1)
    model = make_encoder(VARIANTS[variant]).train()
    frames = torch.stack([model.plausible_frames(60, torch.Generator().manual_seed(n)) for n in range(4)])
    labels = torch.randint(98, (4, 5))
    lengths = torch.full((4,), 60 - model.context)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    losses = []
    for _ in range(12):
        loss = ctc(model(frames), lengths, TypedKeys(labels, torch.full((4,), 5), torch.zeros(4, 5)), 98)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())
        optimiser.step()
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("variant", ["spatial_tds", "spatial_lstm"])
def test_the_spatial_front_is_equivariant_to_rolls(variant: str) -> None:
    model = trained_looking(VARIANTS[variant]).double()
    assert isinstance(model, SpatialEncoder)
    frames = torch.randn(2, 9, 2, 16, 33, dtype=torch.float64)
    for roll in range(1, 16):
        turned = model.front.convolve_ring(frames.roll(roll, dims=3))
        torch.testing.assert_close(turned, model.front.convolve_ring(frames).roll(roll, dims=3), rtol=0, atol=1e-14)


@pytest.mark.parametrize("variant", ["spatial_tds", "spatial_lstm"])
def test_the_folded_front_is_linear_layer_ring_convolution_and_mlp(variant: str) -> None:
    """Compared with torch's circular Conv1d and rolled frames, gradients included."""
    model = trained_looking(VARIANTS[variant]).double()
    assert isinstance(model, SpatialEncoder)
    front, config = model.front, model.front.mlps[0].config
    frames = torch.randn(2, 3, 2, 16, 33, dtype=torch.float64)
    scale, shift = torch.rand(2, 2, 16, dtype=torch.float64, requires_grad=True).unbind(0)

    def described() -> torch.Tensor:
        x = front.linear(frames * scale[..., None] + shift[..., None])
        ring = functional.pad(x.flatten(0, 2).transpose(1, 2), (1, 1), mode="circular")
        x = front.conv(ring).transpose(1, 2).view(2, 3, 2, 16, -1)
        bands = []
        for band, mlp in enumerate(front.mlps):
            assert isinstance(mlp, RotationInvariantMLP)
            rolled = [x[:, :, band].roll(offset, dims=2).flatten(2) for offset in (-2, 0, 1)]
            bands.append(torch.stack([functional.relu(mlp.linear(roll)) for roll in rolled]).mean(0))
        return torch.cat(bands, dim=-1)

    assert getattr(config, "mlp_features", None) == 12
    weights = [scale, shift, *front.parameters()]
    actual, expected = front(frames, scale, shift), described()
    torch.testing.assert_close(actual, expected)
    for one, other in zip(
        torch.autograd.grad(actual.sin().sum(), weights),
        torch.autograd.grad(expected.sin().sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_with_all_offsets_no_roll_changes_the_mlp(pooling: Literal["mean", "max"]) -> None:
    config = TDSConfig(
        bands=2, electrodes=16, bins=33, mlp_features=8, channels=4, offsets=tuple(range(16)), pooling=pooling
    )
    mlp = RotationInvariantMLP(config, config.bins).double()
    frames = torch.randn(2, 3, 16, 33, dtype=torch.float64)
    for roll in range(1, 16):
        torch.testing.assert_close(mlp(frames.roll(roll, dims=2)), mlp(frames), rtol=0, atol=1e-12)


@settings(max_examples=30)
@given(st.integers(1, 150), st.integers(2, 60), st.integers(0, 2**31))
def test_rolling_normalisation_is_the_weighted_past(frames: int, memory: int, seed: int) -> None:
    x = torch.randn(1, frames, 2, generator=torch.Generator().manual_seed(seed)) + torch.tensor([-6.0, 2.0])
    decay = 1 - 1 / memory
    actual = normalise_rolling(x.double(), decay)[0]
    for t in {0, frames // 2, frames - 1}:
        past = x[0, : t + 1].double()
        weights = (decay ** torch.arange(t, -1, -1, dtype=torch.float64))[:, None]
        mean = (weights * past).sum(0) / weights.sum()
        var = (weights * (past - mean) ** 2).sum(0) / weights.sum()
        torch.testing.assert_close(actual[t], (past[-1] - mean) / (var + VARIANCE_FLOOR).sqrt())


def test_a_dead_electrode_gives_nothing() -> None:
    """A constant column at the floor of the log-spectrogram: rounding noise must not be amplified."""
    assert normalise_rolling(torch.full((1, 2000, 3), -6.0), 0.996).abs().max() < 1e-4


def test_hands_are_treated_alike_and_mirrored() -> None:
    """A hand and the mirror image of the other hand give the same features."""
    model = trained_looking(VARIANTS["split_share"])
    frames = model.plausible_frames(30, torch.Generator().manual_seed(2))[None]
    swapped = torch.stack([frames[:, :, 1 - band].flip(2).roll(1, 2) for band in (0, 1)], dim=2)
    left, right = model.features(frames).chunk(2, dim=-1)
    swapped_left, swapped_right = model.features(swapped).chunk(2, dim=-1)
    torch.testing.assert_close(swapped_left, right)
    torch.testing.assert_close(swapped_right, left)
    assert (left - right).abs().max() > 0.1


def test_bins_are_averaged_within_their_bands() -> None:
    weights = band_weights(SplitShareConfig(bins=33))
    assert weights.shape == (33, 6)
    torch.testing.assert_close(weights.sum(0), torch.ones(6))
    assert (weights > 0).sum(1).tolist() == [1] * 33


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"family": "split_share", "borders": [0, 4, 2, 33]}, "rising bins from 0 to 33"),
        ({"family": "split_share", "borders": [0, 4]}, "rising bins from 0 to 33"),
        ({"family": "split_share", "mirrored": [2]}, "mirrored names band 2"),
        ({"family": "split_share", "channels": 25}, r"\(384 from MLPs of 384\) do not divide"),
        ({"family": "spatial_lstm", "hidden": 0}, "hidden is 0"),
        ({"family": "spatial_lstm", "kernel": 3}, "unknown setting 'kernel'"),
        ({"family": "spatial_tds", "spatial_features": 0}, "spatial_features is 0"),
    ],
)
def test_impossible_sizes_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_encoder({**FRAME_SIZES, **values})


@pytest.mark.parametrize("family", ["spatial_tds", "spatial_lstm", "split_share"])
def test_compact_presets_are_compact(family: str) -> None:
    actual = load_settings(f"compact_{family}")
    assert actual.model.family == family
    assert actual.model.streams
    assert 350_000 < sum(p.numel() for p in encoder_of(actual.model.for_frames(LAYOUT, 33)).parameters()) < 600_000
    assert dataclasses.replace(actual, model=load_settings("compact").model) == load_settings("compact")
