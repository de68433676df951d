import pytest
import torch
from torch.nn import functional

from messages.errors import InputError
from training.models.tds import RotationInvariantMLP, TDSConfig, TDSConvBlock, TDSEncoder

SMALL = TDSConfig(bands=2, electrodes=4, bins=5, mlp_features=12, channels=6, kernel=4, blocks=3, classes=7)


def randomised(config: TDSConfig, seed: int = 0) -> TDSEncoder:
    """Make a model whose parameters and running statistics are all far from their initial values."""
    torch.manual_seed(seed)
    model = TDSEncoder(config)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor.add_(0.1 * torch.randn_like(tensor))
    return model.eval()


def textbook_forward(model: TDSEncoder, frames: torch.Tensor) -> torch.Tensor:
    """Compute the forward pass as the paper describes it: rolls of the frames, conv2d, nothing rearranged."""
    config = model.config
    x = frames.flatten(2, 3).movedim(1, 2)[..., None]  # (N, T, B, E, F) → (N, B·E, T, F, 1)
    norm = model.input_norm
    x = functional.batch_norm(x, norm.running_mean, norm.running_var, model.scale, model.shift, eps=norm.eps)
    x = x[..., 0].movedim(1, 2).reshape(frames.shape)
    bands = []
    for band, mlp in enumerate(model.mlps):
        assert isinstance(mlp, RotationInvariantMLP)
        rolled = [x[:, :, band].roll(offset, dims=2).flatten(2) for offset in config.offsets]
        bands.append(torch.stack([functional.relu(mlp.linear(roll)) for roll in rolled]).mean(0))
    x = torch.cat(bands, dim=-1)
    for conv, fc in zip(model.conv_blocks, model.fc_blocks, strict=True):
        assert isinstance(conv, TDSConvBlock)
        y = x.view(*x.shape[:2], config.channels, config.width).movedim(1, -1)
        y = functional.relu(conv.conv(y)).movedim(-1, 1).flatten(2)
        x = fc(conv.norm(y + x[:, -y.shape[1] :]))
    return functional.log_softmax(model.head(x), dim=-1)


def test_the_default_size_is_that_of_the_paper() -> None:
    model = TDSEncoder(TDSConfig(bands=2, electrodes=16, bins=33))
    assert sum(parameter.numel() for parameter in model.parameters()) == 5_293_315
    assert model.config.receptive_field == 125
    assert model.config.width == 32


@pytest.mark.parametrize("config", [SMALL, TDSConfig(bands=2, electrodes=16, bins=33, mlp_features=96, channels=12)])
def test_agrees_with_the_textbook_forward(config: TDSConfig) -> None:
    model = randomised(config)
    frames = torch.randn(2, config.receptive_field + 9, config.bands, config.electrodes, config.bins)
    with torch.no_grad():
        actual, expected = model(frames), textbook_forward(model, frames)
    assert actual.shape == (2, 10, config.classes)
    torch.testing.assert_close(actual, expected, rtol=0, atol=2e-5)
    torch.testing.assert_close(actual.exp().sum(-1), torch.ones(2, 10))


def test_gradients_agree_with_the_textbook_forward() -> None:
    model = randomised(SMALL).double()
    frames = torch.randn(2, 20, 2, 4, 5, dtype=torch.float64)
    names = [name for name, _ in model.named_parameters()]
    gradients = [
        torch.autograd.grad(run.sin().sum(), list(model.parameters()))
        for run in (model(frames), textbook_forward(model, frames))
    ]
    for name, actual, expected in zip(names, *gradients, strict=True):
        assert expected.abs().max() > 1e-6, name
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


def test_batch_statistics_are_per_electrode() -> None:
    model = TDSEncoder(SMALL)
    frames = torch.randn(3, 12, 2, 4, 5) * torch.arange(1, 9).view(2, 4, 1) + torch.arange(8).view(2, 4, 1)
    model(frames)
    mean, var = frames.mean((0, 1, 4)).flatten(), frames.var((0, 1, 4)).flatten()
    torch.testing.assert_close(model.input_norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(model.input_norm.running_var, 0.9 + 0.1 * var)


def test_an_emission_sees_its_receptive_field_and_no_future() -> None:
    model = randomised(SMALL).double()
    field = SMALL.receptive_field
    frames = torch.randn(1, field + 20, 2, 4, 5, dtype=torch.float64)
    with torch.no_grad():
        before = model(frames)
        frames[:, field + 4] += 1.0
        changed = (model(frames) - before).abs().amax((0, 2)) > 1e-9
    assert changed.nonzero().flatten().tolist() == list(range(5, min(5 + field, 21)))


def test_a_rotated_band_gives_nearly_the_same_features() -> None:
    """With all rolls averaged the features do not depend on how the band is turned."""
    config = TDSConfig(bands=2, electrodes=4, bins=5, mlp_features=12, channels=6, offsets=(0, 1, 2, 3))
    mlp = RotationInvariantMLP(config, config.bins)
    x, ones = torch.randn(1, 3, 4, 5), torch.ones(4)
    turned = mlp(x.roll(1, dims=2), ones, 0 * ones)
    torch.testing.assert_close(turned, mlp(x, ones, 0 * ones))


def test_frames_that_do_not_fit_are_refused() -> None:
    model = TDSEncoder(SMALL)
    with pytest.raises(ValueError, match="do not fit"):
        model(torch.zeros(1, SMALL.receptive_field - 1, 2, 4, 5))
    with pytest.raises(ValueError, match="do not fit"):
        model(torch.zeros(1, 30, 2, 5, 4))


def test_a_config_survives_as_plain_values() -> None:
    assert TDSConfig.from_dict(SMALL.to_dict()) == SMALL
    assert TDSConfig.from_dict({}) == TDSConfig()
    assert TDSConfig.from_dict({"offsets": [0]}).offsets == (0,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bands": 2, "channels": 23}, "do not divide into 23 channels"),
        ({"kernel": 0}, "kernel is 0"),
        ({"offsets": []}, "offsets is empty"),
        ({"chanels": 24}, "chanels"),
    ],
)
def test_impossible_configs_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TDSConfig.from_dict(values)
