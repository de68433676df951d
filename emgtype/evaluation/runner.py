"""Decodes what is asked for and not known yet, and keeps every result as it comes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emgtype.evaluation.decoding import Decoded, Decoding, Task
from emgtype.evaluation.store import Store
from emgtype.evaluation.trials import Model, Trial
from emgtype.evaluation.workers import Backend

Wanted = tuple[Trial, Model, tuple[Decoding, ...]]
"""A session, the model it is decoded with, and the readings that are needed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the sessions that were asked for."""

    decoded: dict[tuple[str, Path], Decoded]
    """By model id and session."""
    failures: dict[Path, str]
    """Sentences of those that could not be decoded, by session."""


class Runner:
    """Decodes sessions with a backend and a store."""

    def __init__(
        self, store: Store, backend: Backend, tell: Callable[[int, int], None] = lambda _done, _all: None
    ) -> None:
        """`tell` gets how many sessions are done of how many that have to be decoded."""
        self._store = store
        self._backend = backend
        self._tell = tell
        self._ids: dict[Path, str] = {}

    def id_of(self, model: Model) -> str:
        """The model's id, computed once."""
        key = model.bundle.encoder / model.person
        if key not in self._ids:
            self._ids[key] = model.id
        return self._ids[key]

    def run(self, wanted: Iterable[Wanted]) -> Run:
        """All of it; what a caller has from `run` once is on disk."""
        run = Run({}, {})
        tasks: dict[Task, str] = {}
        for trial, model, decodings in wanted:
            name = self.id_of(model)
            known = self._store.load(name, trial.path)
            if known is not None:
                run.decoded[name, trial.path] = known
            readings = {} if known is None else known.readings
            missing = tuple(d for d in dict.fromkeys(decodings) if d.key not in readings)
            if missing:
                tasks[
                    Task(trial.path, model.bundle.folder, model.person, missing, model.bundle.facts.encoder.precision)
                ] = name
        self._tell(0, len(tasks))
        for done, (task, result) in enumerate(self._backend.run(list(tasks)), start=1):
            if isinstance(result, str):
                run.failures[task.session] = result
                run.decoded.pop((tasks[task], task.session), None)
            else:
                run.decoded[tasks[task], task.session] = self._store.save(tasks[task], task.session, result)
            self._tell(done, len(tasks))
        return run
