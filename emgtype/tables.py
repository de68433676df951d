"""Tables that reports print."""

from collections.abc import Mapping

from rich.table import Table

from decoder.metrics import CharacterErrors

_COLUMNS = ("p50", "p95", "p99", "max")


def accuracy_table(rows: Mapping[str, CharacterErrors]) -> Table:
    """Return a table of CER and its parts, one decoder per row."""
    table = Table("decoder", title=None)
    for column in ("CER %", "insertions", "deletions", "substitutions", "keys typed"):
        table.add_column(column, justify="right")
    for name, errors in rows.items():
        counts = (errors.insertions, errors.deletions, errors.substitutions, errors.target)
        table.add_row(name, f"{errors.cer:.2f}", *map(str, counts))
    return table


def milliseconds_table(title: str, rows: Mapping[str, Mapping[str, float]]) -> Table:
    """Return a table of percentiles in ms, one row per name."""
    table = Table(title)
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for name, values in rows.items():
        table.add_row(name, *(f"{values[column]:.2f}" if column in values else "" for column in _COLUMNS))
    return table
