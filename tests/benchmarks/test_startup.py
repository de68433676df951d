"""Where the time of a start went, from what a process with clocks says."""

import pytest

from benchmarks.startup import shares
from benchmarks.startup_stages import WORD


def test_stages_add_up_to_the_whole() -> None:
    lines = [
        f"{WORD} 0.04 python",
        f"{WORD} 0.01 language model",
        "note: something else",
        f"{WORD} 0.02 language model",
        f"{WORD} 0.8 finding streams",
        f"{WORD} 0.9 LSL in all",
    ]
    figures = shares(lines, 1.5)
    assert figures["language model"] == pytest.approx(0.03)
    assert figures["description, clock, data"] == pytest.approx(0.1)
    assert figures["rest"] == pytest.approx(1.5 - 0.04 - 0.03 - 0.9)
    assert sum(figures.values()) == pytest.approx(2 * figures["ready"])
