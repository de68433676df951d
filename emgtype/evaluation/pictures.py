"""Draw an evaluation: the accuracy of each key on a keyboard, and CER against commit lag. Needs matplotlib."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from decoder.metrics import KeyScore, key_scores
from emgtype.evaluation.scores import Result, key_name
from messages.charset import BACKSPACE, ENTER, SHIFT, SPACE
from simulator.keyboard import PLACES, unshifted_key

_WIDE = {SPACE: (-2, 2.5, 5.0), BACKSPACE: (2, 11.25, 2.0), ENTER: (0, 11.0, 2.25), SHIFT: (-1, -1.75, 2.25)}
_KEYCAPS = {**{key: (row, column, 1.0) for key, (row, column) in PLACES.items()}, **_WIDE}
"""Row, left edge and width of each key cap, in key widths."""


def keycap_scores(result: Result) -> dict[str, KeyScore]:
    """Return the scores by key cap: with or without ⇧ the finger does the same, so both count together."""
    sums: dict[str, KeyScore] = {}
    for label, score in enumerate(key_scores(result.confusion)):
        cap = unshifted_key(label)
        old = sums.get(cap, KeyScore(0, 0, 0))
        sums[cap] = KeyScore(old.typed + score.typed, old.decoded + score.decoded, old.right + score.right)
    return sums


def draw_keyboard(result: Result, title: str, image: Path) -> None:
    """Draw the keyboard, each cap in the colour of its F1; grey where it was never typed."""
    colours = colormaps["RdYlBu"]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for cap, score in keycap_scores(result).items():
        row, left, width = _KEYCAPS[cap]
        # The ends of the colour scale are too dark to write on.
        shade = 0.15 + 0.7 * score.f1
        colour = colours(shade) if score.typed else "0.9"
        axes.add_patch(Rectangle((left, row), width - 0.06, 0.94, facecolor=colour, edgecolor="0.3"))
        axes.text(left + 0.1, row + 0.75, key_name(cap), va="center", fontsize=9)
        if score.typed:
            label = f"{100 * score.f1:.0f}\nof {score.typed}"
            axes.text(left + width / 2, row + 0.32, label, ha="center", va="center", fontsize=7)
    axes.set(xlim=(-1.9, 13.4), ylim=(-2.1, 3.1), aspect="equal", title=f"{title}: F1 of every key, %")
    axes.axis("off")
    _save(figure, image)


def draw_lags(lags: Mapping[float, Result], title: str, image: Path) -> None:
    """Draw CER of the final text against the commit lag."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(list(lags), [result.errors.cer for result in lags.values()], marker="o")
    axes.set(xlabel="commit lag, s", ylabel="CER of the final text, %", title=title)
    axes.grid(alpha=0.3)
    _save(figure, image)


def _save(figure: Figure, image: Path) -> None:
    # A canvas of its own needs no display and changes no global state, as pyplot does.
    FigureCanvasAgg(figure)
    figure.savefig(image, dpi=120)
