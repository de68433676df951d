from typing import Any

import pytest
import torch

from messages.errors import InputError
from training.models.emg2qwerty_net import EMG2QwertyNet

SMALL: dict[str, Any] = {"mlp_features": [24], "block_channels": [4, 4], "kernel_width": 5}


def emissions(net: EMG2QwertyNet, samples: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        actual = net.eval()(samples)
    assert isinstance(actual, torch.Tensor)
    return actual


def test_the_defaults_are_the_model_of_the_paper() -> None:
    net = EMG2QwertyNet(n_times=8000)
    assert sum(parameter.numel() for parameter in net.parameters()) == 5_293_315
    assert net.get_output_shape() == (1, 373, 99)
    assert EMG2QwertyNet(**SMALL, input_window_seconds=4.0, sfreq=100.0).get_output_shape() == (1, 14, 99)
    with pytest.raises(InputError, match="n_times was not given"):
        EMG2QwertyNet(**SMALL).get_output_shape()
    assert net.compute_output_lengths(torch.tensor([8000, 2048, 2047, 100])).tolist() == [373, 1, 0, 0]


@pytest.mark.parametrize("samples", [300, 315, 316])
def test_the_output_has_the_computed_length(samples: int) -> None:
    net = EMG2QwertyNet(**SMALL, n_times=samples)
    actual = emissions(net, 10 * torch.randn(3, 32, samples))
    assert actual.shape == (3, *net.get_output_shape()[1:])
    assert (net.compute_output_lengths(torch.tensor([samples] * 3)) == actual.shape[1]).all()


def test_one_band_of_eight_electrodes() -> None:
    net = EMG2QwertyNet(**SMALL, n_chans=8, num_bands=1, electrodes_per_band=8)
    assert emissions(net, torch.randn(2, 8, 400)).shape == (2, 14, 99)


def test_the_output_is_logits_or_log_probabilities() -> None:
    net, samples = EMG2QwertyNet(**SMALL), torch.randn(1, 32, 400)
    logits = emissions(net, samples)
    assert not torch.allclose(logits.exp().sum(-1), torch.ones(1, 14))
    certain = EMG2QwertyNet(**SMALL, log_softmax=True)
    certain.load_state_dict(net.state_dict())
    torch.testing.assert_close(emissions(certain, samples), logits.log_softmax(-1))


def test_features_enter_the_head() -> None:
    net, samples = EMG2QwertyNet(**SMALL).eval(), torch.randn(1, 32, 400)
    actual = net(samples, return_features=True)
    assert isinstance(actual, dict)
    assert actual["cls_token"] is None
    features = actual["features"]
    assert features is not None
    assert features.shape == (1, 14, 48)
    torch.testing.assert_close(net.encoder.head(features), net(samples))


def test_the_left_band_comes_first() -> None:
    net = EMG2QwertyNet(**SMALL)
    with torch.no_grad():
        net.encoder.mlps[0].linear.weight.zero_()  # type: ignore[union-attr, operator]
    samples = torch.randn(1, 32, 400)
    other = torch.cat([torch.randn(1, 16, 400), samples[:, 16:]], dim=1)
    torch.testing.assert_close(emissions(net, other), emissions(net, samples))


def test_the_head_is_replaced() -> None:
    net = EMG2QwertyNet(**SMALL, n_times=400)
    net.reset_head(5)
    assert emissions(net, torch.randn(1, 32, 400)).shape == net.get_output_shape() == (1, 14, 5)
    assert net.to_dict()["n_outputs"] == net.encoder.config.classes == 5


def test_arguments_survive_as_plain_values() -> None:
    net = EMG2QwertyNet(**SMALL, drop_prob=0.1, pooling="max", rotation_offsets=[0])
    again = EMG2QwertyNet.from_dict(net.to_dict())
    assert again.config == net.config
    assert again.encoder.config == net.encoder.config
    again.load_state_dict(net.state_dict())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_chans": 31}, "n_chans is 31, but 2 bands of 16"),
        ({"electrodes_per_band": 8}, "have 16 channels"),
        ({"mlp_features": [384, 384]}, "2 layers"),
        ({"mlp_features": [25]}, "do not divide into"),
        ({"block_channels": [24, 24, 48]}, "same number of channels"),
        ({"block_channels": []}, "same number of channels"),
        ({"rotation_offsets": []}, "offsets is empty"),
        ({"pooling": "median"}, "pooling = 'median'"),
        ({"drop_prob": 1.0}, "dropout is 1"),
        ({"n_fft": 63}, "even window"),
        ({"hop_length": 0}, "hop"),
        ({"n_outputs": 0}, "classes is 0"),
        ({"n_times": 2047}, "one emission sees 2048"),
        ({"sfreq": 0.0}, "sfreq is 0"),
        ({"activation": "torch.nn.modules.activation.GELU"}, "expected ReLU"),
        ({"n_times": 8000, "input_window_seconds": 4.5}, "4.5 s are 9000 samples"),
        ({"n_channels": 32}, "did you mean 'n_chans'"),
    ],
)
def test_impossible_combinations_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        EMG2QwertyNet(**arguments)
    assert "\n" not in str(caught.value)


def test_samples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        EMG2QwertyNet(**SMALL)(torch.zeros(1, 16, 400))
