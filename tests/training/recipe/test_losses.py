import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.recipe.losses import TypedKeys, ctc, frame_cross_entropy, frame_targets


def typed(labels: list[list[int]], presses: list[list[float]], lengths: list[int]) -> TypedKeys:
    return TypedKeys(torch.tensor(labels), torch.tensor(lengths), torch.tensor(presses))


def test_frame_targets_lie_around_press_plus_delay() -> None:
    target = frame_targets(typed([[0, 1]], [[2.0, 7.2]], [2]), 14, 2.0, 3, blank=2)
    assert "".join("ab_"[int(c)] for c in target[0]) == "___aaa__bbb___"


def test_frame_targets_at_the_borders_are_cut_not_wrapped() -> None:
    target = frame_targets(typed([[0, 1]], [[-3.0, 9.0]], [2]), 10, 1.0, 3, blank=2)
    assert "".join("ab_"[int(c)] for c in target[0]) == "_________b"


def test_padded_labels_give_no_targets() -> None:
    target = frame_targets(typed([[0, 0]], [[2.0, 0.0]], [1]), 6, 0.0, 1, blank=2)
    assert "".join("ab_"[int(c)] for c in target[0]) == "__a___"


@given(
    firsts=st.lists(st.floats(-6, 30), min_size=0, max_size=6),
    delay=st.floats(0, 8),
    width=st.integers(1, 5),
)
def test_a_later_key_cuts_an_earlier_one_short(firsts: list[float], delay: float, width: int) -> None:
    presses = sorted(firsts)
    expected = [9] * 24
    for label, press in enumerate(presses):
        first = round(press + delay - (width - 1) / 2)
        for frame in range(max(first, 0), min(max(first + width, 0), 24)):
            expected[frame] = label
    labels, lengths = torch.arange(len(presses))[None], torch.tensor([len(presses)])
    keys = TypedKeys(labels, lengths, torch.tensor([presses], dtype=torch.float64))
    target = frame_targets(keys, 24, delay, width, blank=9)
    assert target[0].tolist() == expected


def test_frame_cross_entropy_ignores_padding_and_weighs_blanks() -> None:
    log_probs = torch.log(torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]]))
    loss = frame_cross_entropy(log_probs, torch.tensor([[0, 1, 1]]), torch.tensor([2]), blank=1, blank_weight=0.5)
    assert math.isclose(float(loss), (-math.log(0.5) - 0.5 * math.log(0.75)) / 1.5, rel_tol=1e-5)


def test_ctc_is_the_sum_over_alignments() -> None:
    # "a" over two frames: aa, a_, _a
    p = torch.tensor([[[0.6, 0.4], [0.3, 0.7]]])
    loss = ctc(p.log(), torch.tensor([2]), typed([[0]], [[0.0]], [1]), blank=1)
    assert math.isclose(float(loss), -math.log(0.6 * 0.3 + 0.6 * 0.7 + 0.4 * 0.3), rel_tol=1e-5)
