import dataclasses
from pathlib import Path

import pytest
import torch

from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.signal import Layout
from training.data.windows import Batch
from training.export.checkpoint import TrainedEncoder, load_encoder, write_weights
from training.models.families import encoder_of
from training.models.tds import TDSConfig
from training.recipe.losses import distillation
from training.recipe.settings import TrainSettings, load_settings
from training.run.module import EncoderModule

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 4)
SMALL = TDSConfig(bands=2, electrodes=4, bins=17, mlp_features=12, channels=6, kernel=4, blocks=2)
LARGE = dataclasses.replace(SMALL, mlp_features=24)
STFT = StftFacts(window=32, hop=8)


def trained(config: TDSConfig = LARGE, licence: str = "Apache-2.0") -> TrainedEncoder:
    torch.manual_seed(1)
    return TrainedEncoder(encoder_of(config).eval(), LAYOUT, STFT, {}, 0, licence, ("theirs",))


def student(weight: float = 1.0) -> EncoderModule:
    torch.manual_seed(2)
    settings = TrainSettings(model=SMALL, teacher_weight=weight)
    module = EncoderModule(settings, LAYOUT, STFT, total_steps=50)
    module.log = lambda *_args, **_options: None  # type: ignore[method-assign]  # there is no trainer
    return module


def batch() -> Batch:
    rng = torch.Generator().manual_seed(3)
    return Batch(
        frames=torch.randn(4, 60, 2, 4, 17, generator=rng),
        lengths=torch.tensor([60, 60, 50, 55]),
        labels=torch.randint(98, (4, 3), generator=rng),
        label_lengths=torch.full((4,), 3),
        presses=torch.tensor([[10.0, 20.0, 30.0]] * 4),
        firsts=torch.tensor([6, 8, 10, 0]),
    )


def test_the_divergence_counts_the_frames_within_the_windows() -> None:
    student_log_probs, teacher_log_probs = (torch.randn(2, 5, 3).log_softmax(-1) for _ in range(2))
    lengths = torch.tensor([5, 2])
    frames = [(0, t) for t in range(5)] + [(1, t) for t in range(2)]
    expected = (
        sum(
            (teacher_log_probs[n, t].exp() * (teacher_log_probs[n, t] - student_log_probs[n, t])).sum()
            for n, t in frames
        )
        / 7
    )
    torch.testing.assert_close(distillation(student_log_probs, teacher_log_probs, lengths), expected)
    assert float(distillation(student_log_probs, student_log_probs, lengths)) == pytest.approx(0, abs=1e-6)


def test_a_student_learns_to_imitate_its_teacher_which_does_not_change() -> None:
    teacher, module = trained(), student()
    before = {name: tensor.clone() for name, tensor in teacher.encoder.state_dict().items()}
    module.learn_from(teacher)
    assert not [name for name in module.state_dict() if "teacher" in name]
    optimiser, losses = torch.optim.Adam(module.encoder.parameters(), 5e-3), []
    for _ in range(40):
        loss = module.training_step(batch(), 0)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.encoder.state_dict().items())


def test_a_teacher_of_weight_0_has_no_influence() -> None:
    alone, taught = student(0.0), student(0.0)
    taught.learn_from(trained())
    assert taught.training_step(batch(), 0).item() == alone.training_step(batch(), 0).item()


def test_a_student_inherits_the_licence_of_its_teacher(tmp_path: Path) -> None:
    write_weights(trained(licence="CC-BY-NC-SA-4.0"), tmp_path / "weights.ckpt")
    module = student()
    module.sessions = (*module.sessions, "ours")
    module.learn_from(load_encoder(tmp_path))
    assert (module.licence, module.sessions) == ("CC-BY-NC-SA-4.0", ("ours", "theirs"))


def test_a_free_teacher_does_not_lift_the_licence_of_the_initial_weights() -> None:
    module = student()
    module.licence = "CC-BY-NC-SA-4.0"
    module.learn_from(trained())
    assert module.licence == "CC-BY-NC-SA-4.0"


@pytest.mark.parametrize("change", [{"kernel": 5}, {"classes": 90}])
def test_a_teacher_of_another_kind_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="both must agree"):
        student().learn_from(trained(dataclasses.replace(LARGE, **change)))  # type: ignore[arg-type]


def test_tiny_is_a_third_of_compact() -> None:
    tiny, compact = (
        sum(p.numel() for p in encoder_of(load_settings(name).for_frames(LAYOUT, STFT).model).parameters())
        for name in ("tiny", "compact")
    )
    assert 0.25 < tiny / compact < 0.4


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(InputError, match="teacher_weight is 2"):
        TrainSettings(teacher_weight=2)
