"""CTC with a press window, compared with an explicit sum over all alignments."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.recipe.losses import TypedKeys, ctc
from training.recipe.press_window import press_window_ctc

FRAMES, BLANK = 5, 2
DELAY, REACH = 0.5, 1.2


def alignments(log_probs: torch.Tensor, labels: list[int], presses: list[float]) -> torch.Tensor:
    """-log of the summed probability of every path that emits each run of equal keys within its windows; 0: none."""
    runs = [(label, list(group)) for label, group in itertools.groupby(range(len(labels)), lambda j: labels[j])]
    windows = {j: group for _, group in runs for j in group}
    sums = []
    for path in itertools.product(range(BLANK + 1), repeat=FRAMES):
        emitted: list[tuple[int, list[int]]] = []
        for t, label in enumerate(path):
            if label == BLANK:
                continue
            if t and path[t - 1] == label:
                emitted[-1][1].append(t)
            else:
                emitted.append((label, [t]))
        if [label for label, _ in emitted] == labels and all(
            any(abs(t - presses[k] - DELAY) <= REACH for k in windows[j])
            for j, (_, frames) in enumerate(emitted)
            for t in frames
        ):
            sums.append(log_probs[torch.arange(FRAMES), torch.tensor(path)].sum())
    return -torch.logsumexp(torch.stack(sums), 0) if sums else torch.zeros((), dtype=log_probs.dtype)


def loss_of(log_probs: torch.Tensor, labels: list[int], presses: list[float], reach: float = REACH) -> torch.Tensor:
    typed = TypedKeys(torch.tensor([labels]), torch.tensor([len(labels)]), torch.tensor([presses]))
    return press_window_ctc(log_probs[None], torch.tensor([FRAMES]), typed, DELAY, reach, BLANK)


@settings(max_examples=40)
@given(
    labels=st.lists(st.integers(0, 1), min_size=1, max_size=3),
    gaps=st.lists(st.floats(0, 2.5), min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_loss_and_gradient_are_those_of_the_alignments_near_the_presses(
    labels: list[int], gaps: list[float], seed: int
) -> None:
    presses = list(itertools.accumulate(gaps))[: len(labels)]
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(FRAMES, BLANK + 1, generator=generator, dtype=torch.float64, requires_grad=True)
    log_probs = logits.log_softmax(-1)
    expected, actual = alignments(log_probs, labels, presses) / len(labels), loss_of(log_probs, labels, presses)
    assert float(actual.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    (gradient,) = torch.autograd.grad(actual, logits, retain_graph=True)
    if expected.requires_grad:
        (expected_gradient,) = torch.autograd.grad(expected, logits)
        assert torch.allclose(gradient, expected_gradient, atol=1e-6)
    else:
        assert not gradient.any()


def test_an_unlimited_window_gives_plain_ctc() -> None:
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn(3, 9, 6, generator=generator).log_softmax(-1).requires_grad_()
    labels = torch.tensor([[0, 1, 1], [4, 4, 0], [2, 0, 0]])
    lengths, typed = torch.tensor([9, 8, 7]), TypedKeys(labels, torch.tensor([3, 2, 1]), torch.zeros(3, 3))
    plain = ctc(log_probs, lengths, typed, 5)
    restricted = press_window_ctc(log_probs, lengths, typed, 0.0, 1e6, 5)
    assert float(restricted.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)


def test_training_moves_the_emission_to_the_delay_of_the_window() -> None:
    logits = torch.zeros(1, 40, 4, requires_grad=True)
    optimiser = torch.optim.SGD([logits], lr=5.0)
    typed = TypedKeys(torch.tensor([[1]]), torch.tensor([1]), torch.tensor([[10.0]]))
    for _ in range(60):
        loss = press_window_ctc(logits.log_softmax(-1), torch.tensor([40]), typed, 6.0, 1.0, 3)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    emitted = (logits[0].argmax(-1) == 1).nonzero().ravel().tolist()
    assert emitted
    assert set(emitted) <= {15, 16, 17}
