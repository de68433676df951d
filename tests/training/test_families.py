"""What holds for every encoder family."""

import pytest
import torch

from decoder.errors import InputError
from training.data import Batch
from training.families import FAMILIES, make_encoder
from training.module import labelled_emissions
from training.tds import TDSConfig


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_is_made_again_from_its_plain_values(family: str) -> None:
    encoder = make_encoder({"family": family})
    assert encoder.family == encoder.config.family == encoder.to_dict()["family"] == family
    again = make_encoder(encoder.to_dict())
    assert (type(again), again.config) == (type(encoder), encoder.config)


def test_values_of_before_the_other_families_are_tds() -> None:
    assert make_encoder({"mlp_features": 48}).config == TDSConfig(mlp_features=48)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="'tda'"):
        make_encoder({"family": "tda"})


@pytest.mark.parametrize("context", [0, 3, 9])
def test_a_loss_sees_the_emissions_of_the_labelled_part_alone(context: int) -> None:
    """Emission k says which frame it was made at: what is left begins at the labelled part, or later."""
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
    found, lengths, presses = labelled_emissions(log_probs, batch, context)
    for n, first in enumerate([max(6, context), max(2, context)]):
        assert found[n, : lengths[n], 0].tolist() == list(range(first, int(batch.lengths[n])))
        assert presses[n, 0] == batch.presses[n, 0] - first
