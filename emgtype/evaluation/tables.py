"""Print an evaluation as tables."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table

from emgtype.evaluation import published
from emgtype.evaluation.evaluate import Evaluation, RowResult
from emgtype.evaluation.scores import HANDS, Result
from emgtype.evaluation.tuning import Tuning
from emgtype.tables import accuracy_table

_CER = "test CER %, mean ± SD over users"
_TITLE = 26
"""Width of the column of titles, so that both tables line up and fit a terminal of 80 columns."""


def show(console: Console, evaluation: Evaluation, *, with_published: bool) -> None:
    """Print all tables of an evaluation, with or without the published results."""
    for row in evaluation.rows:
        if row.tuning is not None:
            console.print(tuning_table(row.row.title, row.tuning))
    if len(evaluation.rows) == 1:
        console.print(sessions_table(evaluation.rows[0], evaluation.origin))
    else:
        console.print(users_table(evaluation))
    for row in evaluation.rows:
        console.print(details(row))
    console.print(f"\n[bold]{_CER} — this evaluation: {evaluation.origin}[/bold]", cer_table(evaluation))
    if with_published:
        console.print(f"\n[bold]{_CER} — published, real recordings (emg2qwerty)[/bold]", published_table())
        console.print(published.SOURCES, style="dim", markup=False)


def decoder_titles(row: RowResult) -> dict[str, Result]:
    """Return the row's results by the name of their decoder."""
    beam = {} if row.beam is None else {"beam + LM" if row.language_model else "beam, no LM": row.beam}
    return {"greedy": row.greedy, **beam}


def cer_table(evaluation: Evaluation) -> Table:
    """Return the paper's table, a model per row.

    Where the rows were tested on different sessions, the sessions that all rows share follow below.
    """
    lm = any(row.language_model for row in evaluation.rows) or all(row.beam is None for row in evaluation.rows)
    table = _cer_table(lm=lm)
    for row in evaluation.rows:
        table.add_row(*_cer_row(row, lm=lm))
    if evaluation.shared:
        table.add_section()
        table.add_row("over the sessions that all rows share", style="italic")
    for row in evaluation.shared:
        table.add_row(*_cer_row(row, lm=lm))
    return table


def _cer_row(row: RowResult, *, lm: bool) -> tuple[str, ...]:
    beam = "–" if row.beam is None else _rate(*row.beam.mean_and_sd)
    note = "" if row.beam is None or row.language_model == lm else " (no LM)"
    counts = (len(row.greedy.users), len(row.greedy.sessions))
    return row.row.title, _rate(*row.greedy.mean_and_sd), beam + note, *map(str, counts)


def published_table() -> Table:
    """Return the published results in the same table."""
    table = _cer_table(lm=True)
    for line in published.ROWS:
        greedy = "–" if line.greedy is None else _rate(*line.greedy)
        table.add_row(line.title, greedy, _rate(*line.beam), str(published.USERS), "")
    return table


def sessions_table(row: RowResult, title: str) -> Table:
    """Return the CER of every session and user."""
    results = decoder_titles(row)
    table = Table("user", "session", "keys", title=f"{row.row.title}: {title}")
    for name in results:
        table.add_column(f"{name}, CER %", justify="right")
    parts = [list(result.sessions) for result in results.values()]
    for session in zip(*parts, strict=True):
        first = session[0]
        table.add_row(first.user, first.session, str(first.errors.target), *(f"{s.errors.cer:.2f}" for s in session))
    for user, errors in row.greedy.users.items():
        rates = (f"{result.users[user].cer:.2f}" for result in results.values())
        table.add_row(user, "all", str(errors.target), *rates, style="bold")
    return table


def users_table(evaluation: Evaluation) -> Table:
    """Return the CER of every user with every model."""
    table = Table("user", title=f"CER % by user: {evaluation.origin}")
    columns = [(row, name, result) for row in evaluation.rows for name, result in decoder_titles(row).items()]
    for row, name, _ in columns:
        table.add_column(f"{row.row.name}, {name}", justify="right")
    users = [result.users for _, _, result in columns]
    for user in sorted({user for by_user in users for user in by_user}):
        table.add_row(user, *(f"{by_user[user].cer:.2f}" if user in by_user else "" for by_user in users))
    return table


def details(row: RowResult) -> RenderableType:
    """Return the kinds of errors, hands, speed and commit lags of one row."""
    errors = {name: result.errors for name, result in decoder_titles(row).items()}
    parts: list[RenderableType] = [f"\n[bold]{row.row.title}[/bold]", accuracy_table(errors)]
    hands = row.best.hands
    parts.append("CER by hand: " + ", ".join(f"{hand} {hands[hand].cer:.2f} %" for hand in HANDS if hands[hand].target))
    typed, right = row.best.words_per_minute
    parts.append(f"words per minute: {typed:.1f} typed, {right:.1f} rightly decoded")
    if row.lags:
        lags = ", ".join(f"{lag:g} s {result.errors.cer:.2f} %" for lag, result in row.lags.items())
        parts.append(f"CER by commit lag: {lags}")
    return Group(*parts)


def tuning_table(title: str, tuning: Tuning) -> Table:
    """Return the CER at each point of the grid."""
    weights, bonuses = (sorted(set(values)) for values in zip(*tuning.errors, strict=True))
    count = len(tuning.sessions)
    heading = f"tuning of {title}: CER % on {count} validation session{'s' * (count != 1)}"
    table = Table("weight \\ bonus", title=heading, min_width=len(heading))
    for bonus in bonuses:
        table.add_column(f"{bonus:g}", justify="right")
    for weight in weights:
        table.add_row(f"{weight:g}", *_cells(tuning, [(weight, bonus) for bonus in bonuses]))
    edge = "; it lies at the edge of the grid: try values beyond" if tuning.at_the_edge else ""
    table.caption = f"best: weight {tuning.best[0]:g}, bonus {tuning.best[1]:g}{edge}"
    return table


def _cells(tuning: Tuning, points: Sequence[tuple[float, float]]) -> list[str]:
    rates = [f"{tuning.errors[point].cer:.2f}" for point in points]
    return [f"[bold]{rate}[/bold]" if point == tuning.best else rate for point, rate in zip(points, rates, strict=True)]


def _cer_table(*, lm: bool) -> Table:
    table = Table(Column("model", min_width=_TITLE))
    for column, width in (("greedy", 12), ("beam + LM" if lm else "beam, no LM", 12), ("users", 5), ("sessions", 8)):
        table.add_column(column, justify="right", min_width=width)
    return table


def _rate(mean: float, spread: float | None) -> str:
    return f"{mean:.1f}" if spread is None else f"{mean:.2f} ± {spread:.2f}"
