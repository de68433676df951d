"""Publish a benchmark's results: tables on the screen, and with --json the figures, machine and command."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table


def command_line(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is a benchmark's docstring, with --json."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


def publish(
    options: argparse.Namespace, tables: Sequence[Table | str], figures: Mapping[str, Any] | None = None
) -> None:
    """Print the machine and the tables, and write the figures where --json says.

    Args:
        options: From `command_line`.
        tables: Tables and sentences.
        figures: For --json; None: the cells of the tables.
    """
    facts = machine()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    figures = {"tables": [_rows(table) for table in tables]} if figures is None else figures
    console.print(f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}", style="dim")
    for table in tables:
        console.print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        command = [f"python -m benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]
        document = {"command": " ".join(command), "machine": facts, "figures": figures}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rows(table: Table | str) -> Any:
    """Return a table as a list of rows by column, and a sentence as it is."""
    if isinstance(table, str):
        return table
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    names = [str(column.header) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def machine() -> dict[str, Any]:
    """Return the facts of the machine and the libraries."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **{name: version(name) for name in ("emgtype", "numpy", "onnxruntime")},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99, max and mean of some values, and their count."""
    p50, p95, p99 = np.percentile(values, [50, 95, 99]).tolist()
    return {"p50": p50, "p95": p95, "p99": p99, "max": max(values), "mean": float(np.mean(values)), "n": len(values)}
