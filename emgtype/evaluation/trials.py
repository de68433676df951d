"""Find the sessions and the models of an evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.datasets.dataset import METADATA, SUFFIX, open_dataset, read_entry, session_files, user_id
from adapters.datasets.splits import Sessions, Splits, read_splits
from emgtype.evaluation.store import model_id
from emgtype.models.bundle import Bundle, open_bundle
from messages.errors import InputError
from messages.model_facts import Precision

EVERYBODY = ""
"""Key of a model that serves every user."""
SPLITS = "splits.yaml"
_NAMED = 4
"""Sessions that a sentence names at most."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A session to test on."""

    user: str
    path: Path

    @property
    def session(self) -> str:
        """Name of the session."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class SessionList:
    """The sessions to test on."""

    trials: tuple[Trial, ...]
    failures: Mapping[Path, str] = field(default_factory=dict)
    """A sentence for each session that cannot be used."""


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle, and the person whose layer of it is applied, if any."""

    bundle: Bundle
    person: str = ""

    @property
    def id(self) -> str:
        """Hash of the files that determine the model's readings."""
        return model_id(self.bundle, self.person)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: one model for everybody, or a model for each user."""

    name: str
    title: str
    models: Mapping[str, Model]
    """Models by user, or one under EVERYBODY."""

    def model_of(self, user: str) -> Model | None:
        """Return the model of a user; None: there is none."""
        return self.models.get(user, self.models.get(EVERYBODY))

    def trials(self, trials: Iterable[Trial]) -> list[tuple[Trial, Model]]:
        """Return the sessions of the users who have a model, each with that model."""
        return [(trial, model) for trial in trials if (model := self.model_of(trial.user)) is not None]


def find_sessions(paths: Iterable[Path]) -> SessionList:
    """List the sessions of files and folders; a file that cannot be read becomes one of the failures.

    Raises:
        InputError: A folder has no sessions, or a broken table.
    """
    trials: dict[Path, Trial] = {}
    failures: dict[Path, str] = {}
    for path in paths:
        if path.is_dir() and (path / METADATA).is_file():
            entries = open_dataset(path).entries
            trials |= {file: Trial(e.user, file) for e in entries for file in [path / f"{e.session}{SUFFIX}"]}
            continue
        files = session_files(path) if path.is_dir() else [path]
        if not files:
            raise InputError(f"{path} holds no session: expected {METADATA} or {SUFFIX} files; see `emgtype simulate`")
        for file in files:
            try:
                trials[file] = Trial(read_entry(file).user, file)
            except InputError as refusal:
                failures[file] = str(refusal)
    return SessionList(tuple(trials.values()), failures)


def find_splits(folder: Path, splits: Path | None) -> Splits | None:
    """Read the given lists, else those of the data set's folder; None: it has none."""
    if splits is not None:
        return read_splits(splits)
    own = folder / SPLITS
    return read_splits(own) if own.is_file() else None


def listed(folder: Path, sessions: Sessions) -> tuple[Trial, ...]:
    """Return the sessions of a list as trials."""
    return tuple(Trial(user, folder / f"{session}{SUFFIX}") for user, session in sessions)


def table_rows(folder: Path, precision: Precision = "fp32") -> tuple[Row, ...]:
    """Return the rows for a folder of models: generic/, scratch/USER/, finetuned/USER/, each a bundle.

    Raises:
        InputError: The folder holds no models.
    """
    rows = []
    if (folder / "generic" / "encoder.onnx").is_file():
        rows.append(Row("generic", "generic", {EVERYBODY: _model(folder / "generic", precision)}))
    for name, title in (("scratch", "personalised, from scratch"), ("finetuned", "personalised, fine-tuned")):
        own = {
            user_id(path.parent.name): _model(path.parent, precision)
            for path in sorted(folder.glob(f"{name}/*/encoder.onnx"))
        }
        if own:
            rows.append(Row(name, title, own))
    if not rows:
        raise InputError(
            f"{folder} holds no models: expected bundles in generic, scratch/USER or finetuned/USER; make them with "
            "`emgtype train`, `export` and `personalise`"
        )
    return tuple(rows)


def learned_from(model: Model) -> frozenset[str]:
    """Return the names of the sessions that a bundle, or a base of it, was trained or fitted on, by its own facts."""
    names: set[str] = set()
    provenance: Any = model.bundle.facts.provenance
    while isinstance(provenance, Mapping):
        for record in (provenance, provenance.get("personalised")):
            names.update(map(str, record.get("sessions", ())) if isinstance(record, Mapping) else ())
        provenance = provenance.get("base")
    return frozenset(names)


def leaks(rows: Sequence[Row], trials: Sequence[Trial]) -> list[str]:
    """Return a sentence for each row whose models were trained on sessions that they are tested on."""
    sentences = []
    for row in rows:
        seen = sorted({trial.session for trial, model in row.trials(trials) if trial.session in learned_from(model)})
        if seen:
            named = ", ".join(seen[:_NAMED]) + (f" and {len(seen) - _NAMED} more" if len(seen) > _NAMED else "")
            sentences.append(
                f"the models of {row.title!r} have learnt from {named}, which they are tested on: the figures "
                "flatter them; name other sessions, or splits"
            )
    return sentences


def _model(folder: Path, precision: Precision) -> Model:
    return Model(open_bundle(str(folder), precision))
