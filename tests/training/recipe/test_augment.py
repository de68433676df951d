import torch
from hypothesis import given
from hypothesis import strategies as st

from training.recipe.augment import NONE, Augmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_augmentation_changes_nothing() -> None:
    x, frames = torch.randn(50, 2, 16), torch.randn(40, 2, 16, 33)
    assert torch.equal(NONE.samples(x, generator()), x)
    assert torch.equal(NONE.spectrogram(frames, generator()), frames)


@given(st.integers(0, 1000))
def test_each_band_is_rolled_by_at_most_one_electrode(seed: int) -> None:
    x = torch.arange(16.0).repeat(5, 2, 1)
    rolled = Augmentation(misalign=0).samples(x, generator(seed))
    for band in range(2):
        assert any(torch.equal(rolled[:, band], x[:, band].roll(r, 1)) for r in (-1, 0, 1))


@given(st.integers(0, 1000))
def test_one_band_is_shifted_within_bounds_and_the_other_stays(seed: int) -> None:
    x = torch.arange(1000.0)[:, None, None].repeat(1, 2, 3)
    shifted = Augmentation(roll=0, misalign=120).samples(x, generator(seed))
    shifts = (x - shifted)[120:-120].flatten(1)
    assert (shifts == shifts[0]).all()
    assert (shifts[0].reshape(2, 3) == 0).all(1).any()
    assert shifts.abs().max() <= 120


@given(st.integers(0, 1000))
def test_masks_stay_within_their_bounds(seed: int) -> None:
    masked = Augmentation().spectrogram(torch.ones(200, 2, 4, 33), generator(seed)) == 0
    for band in range(2):
        rows = masked[:, band].all(dim=2).all(dim=1)
        columns = masked[:, band].all(dim=1).all(dim=0)
        assert rows.sum() <= 75
        assert columns.sum() <= 8
        assert (masked[:, band] == (rows[:, None, None] | columns[None, None, :])).all()
