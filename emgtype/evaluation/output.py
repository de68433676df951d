"""Write an evaluation: all figures as JSON, the matrices as CSV, pictures where matplotlib is installed."""

import csv
import importlib.util
import json
import math
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from adapters.bundles.checksums import sha256
from decoder.metrics import CharacterErrors, key_scores
from emgtype.evaluation import published
from emgtype.evaluation.evaluate import Evaluation, RowResult
from emgtype.evaluation.scores import Result, key_name
from emgtype.evaluation.trials import Model
from emgtype.evaluation.tuning import Tuning
from emgtype.places import LM_BINARY
from messages.charset import KEYS
from messages.errors import InputError

INSERTED, MISSED = "(not typed)", "(missed)"
RESULTS = "results.json"


def report(evaluation: Evaluation, command: Sequence[str]) -> dict[str, Any]:
    """Return all figures, and the versions, models and sessions that they depend on, ready for JSON."""
    return {
        "command": " ".join(command),
        "versions": {name: version(name) for name in ("emgtype", "onnxruntime", "kenlm", "numpy", "rapidfuzz")}
        | {"python": platform.python_version()},
        "simulated_populations": list(evaluation.populations),
        "real_recordings": evaluation.real,
        "warnings": list(evaluation.warnings),
        "failures": {str(path): sentence for path, sentence in evaluation.failures.items()},
        "rows": {row.row.name: _row(row) for row in evaluation.rows},
        "rows_over_shared_sessions": {
            row.row.name: {"greedy": _result(row.greedy), "beam": None if row.beam is None else _result(row.beam)}
            for row in evaluation.shared
        },
        "published_on_real_recordings": {
            line.title: {"greedy": line.greedy, "beam": line.beam, "users": published.USERS} for line in published.ROWS
        },
    }


def write(evaluation: Evaluation, out: Path, figures: dict[str, Any]) -> bool:
    """Write all files into a folder; of several rows each has a folder of its own.

    Returns:
        Whether pictures could be drawn: matplotlib is installed.

    Raises:
        InputError: A file cannot be written.
    """
    drawn = importlib.util.find_spec("matplotlib") is not None
    try:
        out.mkdir(parents=True, exist_ok=True)
        for row in evaluation.rows:
            folder = out if len(evaluation.rows) == 1 else out / row.row.name
            folder.mkdir(exist_ok=True)
            write_keys(row.best, folder)
            _write_lags(row, folder / "cer_vs_delay.csv")
            title = f"{row.row.title} ({evaluation.origin})"
            if drawn:
                from emgtype.evaluation.pictures import draw_keyboard, draw_lags  # noqa: PLC0415 - an optional library

                draw_keyboard(row.best, title, folder / "keyboard.png")
                if row.lags:
                    draw_lags(row.lags, title, folder / "cer_vs_delay.png")
        text = json.dumps(figures, indent=1, ensure_ascii=False, allow_nan=False)
        (out / RESULTS).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}; make room, or name another folder") from None
    return drawn


def write_keys(result: Result, folder: Path) -> None:
    """Write per_key.csv and confusion.csv (rows: keys typed; columns: keys decoded), without keys that never occur."""
    counts = result.confusion
    scores = key_scores(counts)
    present = [label for label, s in enumerate(scores) if s.typed or s.decoded]
    columns = ["key", "typed", "decoded", "right", "precision", "recall", "f1"]
    rows = [(label, scores[label]) for label in present]
    _write_csv(
        folder / "per_key.csv",
        columns,
        (
            [key_name(KEYS[label]), s.typed, s.decoded, s.right, *map(_cell, (s.precision, s.recall, s.f1))]
            for label, s in rows
        ),
    )
    entries = [*present, len(KEYS)]
    _write_csv(
        folder / "confusion.csv",
        ["typed \\ decoded", *(key_name(KEYS[label]) for label in present), MISSED],
        ([INSERTED if t == len(KEYS) else key_name(KEYS[t]), *(int(counts[t, d]) for d in entries)] for t in entries),
    )


def _write_lags(row: RowResult, path: Path) -> None:
    if not row.lags:
        return
    columns = ["lag_s", "cer", "insertions", "deletions", "substitutions", "target"]
    parts = {lag: result.errors for lag, result in row.lags.items()}
    _write_csv(
        path,
        columns,
        ([lag, _cell(e.cer), e.insertions, e.deletions, e.substitutions, e.target] for lag, e in parts.items()),
    )


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _row(row: RowResult) -> dict[str, Any]:
    return {
        "title": row.row.title,
        "models": {user or "everybody": _model(model) for user, model in row.row.models.items()},
        "language_model": row.language_model,
        "tuning": None if row.tuning is None else _tuning(row.tuning),
        "greedy": _result(row.greedy),
        "beam": None if row.beam is None else _result(row.beam),
        "cer_by_lag_s": {f"{lag:g}": _errors(result.errors) for lag, result in row.lags.items()},
    }


def _model(model: Model) -> dict[str, Any]:
    folder = model.bundle.folder
    hashes = {name: sha256(folder / name) for name in ("encoder.onnx", LM_BINARY) if (folder / name).is_file()}
    language_model = model.bundle.language_model
    return {
        "name": model.bundle.facts.name,
        "family": model.bundle.facts.encoder.family,
        "licence": model.bundle.facts.licence,
        "person": model.person or None,
        "emission_delay_ms": model.bundle.facts.emission_delay_ms,
        "lm_weight": None if language_model is None else language_model.weight,
        "lm_bonus": None if language_model is None else language_model.bonus,
        "sha256": hashes,
    }


def _result(result: Result) -> dict[str, Any]:
    mean, spread = result.mean_and_sd
    typed, right = result.words_per_minute
    return {
        "cer_mean_over_users": round(mean, 4),
        "cer_population_sd_over_users": round(spread, 4),
        **_errors(result.errors),
        "users": {user: _errors(errors) for user, errors in result.users.items()},
        "sessions": {s.session: {"user": s.user, **_errors(s.errors)} for s in result.sessions},
        "hands": {hand: _errors(errors) for hand, errors in result.hands.items()},
        "minutes": round(sum(s.minutes for s in result.sessions), 3),
        "words_per_minute": {"typed": round(typed, 3), "rightly_decoded": round(right, 3)},
    }


def _errors(errors: CharacterErrors) -> dict[str, Any]:
    return {
        "cer": round(errors.cer, 4) if errors.target else None,
        "insertions": errors.insertions,
        "deletions": errors.deletions,
        "substitutions": errors.substitutions,
        "target": errors.target,
    }


def _tuning(tuning: Tuning) -> dict[str, Any]:
    weight, bonus = tuning.best
    return {
        "best": {"lm_weight": weight, "lm_bonus": bonus, "at_the_edge_of_the_grid": tuning.at_the_edge},
        "validation_sessions": list(tuning.sessions),
        "grid": [{"lm_weight": w, "lm_bonus": b, **_errors(errors)} for (w, b), errors in tuning.errors.items()],
    }
