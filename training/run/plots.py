"""Plots of a run: loss, learning rate and CER over its steps, and CER against minutes of training data."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_CURVES = (("loss", "loss"), ("ctc", "CTC loss per key"), ("val_cer", "validation CER, %"), ("rate", "learning rate"))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a run's metrics.jsonl; a last line that an interruption cut short is skipped."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def plot_run(metrics: Path, image: Path) -> None:
    """Plot a run's metrics.jsonl into a PNG file."""
    lines = read_metrics(metrics)
    curves = [(name, title) for name, title in _CURVES if any(name in line for line in lines)]
    figure = Figure(figsize=(8, 2.2 * max(1, len(curves))), layout="constrained")
    for row, (name, title) in enumerate(curves, start=1):
        axes = figure.add_subplot(len(curves), 1, row)
        points = [(line["step"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), marker="o" if name == "val_cer" else "", linewidth=1)
        axes.set(xlabel="step" if row == len(curves) else "", ylabel=title)
        axes.grid(alpha=0.3)
    _save(figure, image)


def best_cer(metrics: Path) -> float:
    """Return the lowest validation CER of a run, in percent; raises ValueError if the run never validated."""
    return min(float(line["val_cer"]) for line in read_metrics(metrics) if "val_cer" in line)


def write_learning_curve(cer: Mapping[float, float], folder: Path) -> None:
    """Write learning_curve.csv and .png: greedy CER (percent) against minutes of training data."""
    points = sorted(cer.items())
    with (folder / "learning_curve.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["minutes", "val_cer"])
        table.writerows(points)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="minutes of training data", ylabel="greedy validation CER, %", xscale="log")
    axes.set_xticks([minutes for minutes, _ in points], [f"{minutes:g}" for minutes, _ in points])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    _save(figure, folder / "learning_curve.png")


def _save(figure: Figure, image: Path) -> None:
    # This canvas needs no display and no global state.
    FigureCanvasAgg(figure)
    figure.savefig(image, dpi=120)
