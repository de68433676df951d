"""Published results on the real recordings: test CER in %, mean and SD over 8 users held out of the training."""

from dataclasses import dataclass

USERS = 8
SOURCES = (
    "emg2qwerty: Sivakumar et al. 2024, arXiv 2410.20081; SplashNet: Hadidi et al. 2025, arXiv 2506.12356, whose "
    "figures stand in the column that it compares itself with"
)


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the published table; a rate is its mean and its SD, None where not stated."""

    title: str
    greedy: tuple[float, float | None] | None
    beam: tuple[float, float | None]


ROWS = (
    Published("TDS, generic", (55.38, 4.10), (51.78, 4.61)),
    Published("TDS, from scratch", (15.38, 5.88), (9.55, 5.16)),
    Published("TDS, fine-tuned", (11.28, 4.45), (6.95, 3.61)),
    Published("SplashNet, generic", None, (35.7, None)),
    Published("SplashNet, fine-tuned", None, (5.5, None)),
)
