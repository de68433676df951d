"""The recipe of the reference, number by number, and other settings."""

import dataclasses

import pytest
import torch

from messages.errors import InputError
from training.data.order import EpochOrder, generator_of
from training.recipe.augment import NONE, Augmentation
from training.recipe.settings import PressWindow, TrainSettings, WarmStart, load_settings, with_delay
from training.run.module import warmup_cosine


@pytest.mark.parametrize(("epoch", "rate"), [(0, 1e-8), (10, 1e-3), (80, 0.5 * (1e-3 + 1e-6)), (150, 1e-6)])
def test_learning_rate_of_the_reference(epoch: int, rate: float) -> None:
    assert warmup_cosine(epoch, load_settings("reference")) == pytest.approx(rate, rel=1e-6)


def test_reference_is_plain_ctc_on_padded_windows() -> None:
    s = load_settings("reference")
    assert (s.window, s.past, s.future, s.batch, s.epochs, s.optimiser) == (8000, 1800, 200, 32, 150, "adam")
    assert s.warm_start is None
    assert s.press_window is None
    assert (s.crop, s.patience, s.clip, s.augmentation.noise, s.augmentation.gain) == (0, 0, 0, 0, 0)


def drawn(augmentation: Augmentation, count: int = 300) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    frames = torch.ones(100, 2, 16, 33)
    return [augmentation.spectrogram(frames, rng) for _ in range(count)]


def test_masks_keep_the_bounds_of_the_reference_and_reach_them() -> None:
    time_only = dataclasses.replace(load_settings("reference").augmentation, frequency_masks=0)
    masked = [(x[:, 0] == 0).all(dim=(1, 2)).sum().item() for x in drawn(time_only)]
    assert max(masked) <= 75
    assert max(masked) > 50
    assert min(masked) == 0
    frequency_only = dataclasses.replace(load_settings("reference").augmentation, time_masks=0)
    masked = [(x[:, 0] == 0).all(dim=(0, 1)).sum().item() for x in drawn(frequency_only)]
    assert max(masked) <= 8
    assert max(masked) > 5


def test_rolls_and_misalignment_keep_the_bounds_of_the_reference() -> None:
    augmentation = load_settings("reference").augmentation
    rng = torch.Generator().manual_seed(0)
    samples = torch.arange(1000.0)[:, None, None] + 10_000 * torch.arange(16)[None, None, :]
    samples = samples.expand(-1, 2, -1)
    rolls, shifts = set(), set()
    for _ in range(300):
        x = augmentation.samples(samples, rng)[500]  # (bands, electrodes)
        rolls |= {int(band[0] // 10_000) for band in x}
        shifts |= {int(band[0] % 10_000) - 500 for band in x}
    assert rolls == {15, 0, 1}
    assert min(shifts) >= -120
    assert max(shifts) <= 120
    assert min(shifts) < -90
    assert max(shifts) > 90


def test_noise_and_gain_are_off_by_default_and_as_large_as_set() -> None:
    rng = torch.Generator().manual_seed(0)
    frames = torch.zeros(400, 2, 16, 33)
    assert torch.equal(NONE.spectrogram(frames, rng), frames)
    noisy = dataclasses.replace(NONE, noise=0.1).spectrogram(frames, rng)
    assert float(noisy.std()) == pytest.approx(0.1, rel=0.02)
    shifted = dataclasses.replace(NONE, gain=0.2).spectrogram(frames, rng)
    assert float(shifted.std(dim=(0, 3)).max()) < 1e-6
    assert 0.1 < float(shifted[0, :, :, 0].std()) < 0.3


def test_a_change_is_applied_and_a_wrong_one_is_named() -> None:
    s = load_settings("compact", ["epochs = 3", "augmentation.roll = 0", "press_window.delay = 0.1"])
    assert (s.epochs, s.augmentation.roll, s.press_window) == (3, 0, PressWindow(delay=0.1))
    assert s.augmentation.misalign == load_settings("compact").augmentation.misalign
    with pytest.raises(InputError, match="did you mean 'epochs'"):
        load_settings("compact", ["epoks = 3"])
    with pytest.raises(InputError, match="write key=value"):
        load_settings("compact", ["epochs 3"])


def test_a_delay_sets_warm_start_and_press_window() -> None:
    both = with_delay(TrainSettings(warm_start=WarmStart(), press_window=PressWindow()), 80)
    assert both.warm_start is not None
    assert both.press_window is not None
    assert both.warm_start.delay == both.press_window.delay == pytest.approx(0.080)
    with pytest.raises(InputError, match="which control the delay"):
        with_delay(load_settings("reference"), 80)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    order = EpochOrder(50, seed=3)
    first = list(order)
    assert sorted(first) == list(range(50))
    order.set_epoch(7)
    later = list(order)
    assert sorted(later) == list(range(350, 400))
    assert [item % 50 for item in later] != first
    again = EpochOrder(50, seed=3)
    again.set_epoch(7)
    assert list(again) == later
    parts = [EpochOrder(51, seed=3, processes=2) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        orders = []
        for rank, part in enumerate(parts):
            patch.setattr("training.data.order.process_rank", lambda rank=rank: rank)
            orders.append(list(part))
    assert [len(part) for part in orders] == [len(part) for part in parts] == [25, 25]
    assert len(set(orders[0]) | set(orders[1])) == 50
    draws = {int(torch.randint(2**40, (1,), generator=generator_of(1, e, i))) for e in range(20) for i in range(20)}
    assert len(draws) == 400


@pytest.mark.parametrize(
    "change", ['optimiser = "sgd"', 'schedule = "step"', "batch = 0", "epochs = 0", "crop = 1.0", "seed = -1"]
)
def test_impossible_settings_are_refused(change: str) -> None:
    with pytest.raises(InputError, match=change.partition(" ")[0]):
        load_settings("compact", [change])
