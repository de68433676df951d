"""Decode the sessions whose readings are not stored yet, and store every result at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emgtype.evaluation.decoding import Decoded, Decoding, Task
from emgtype.evaluation.store import Store
from emgtype.evaluation.trials import Model, Trial
from emgtype.evaluation.workers import Backend

Request = tuple[Trial, Model, tuple[Decoding, ...]]
"""A session, the model to decode it with, and the decodings that are needed."""


@dataclass(frozen=True, slots=True)
class Run:
    """The results of the requested sessions."""

    decoded: dict[tuple[str, Path], Decoded]
    """Readings by model id and session."""
    failures: dict[Path, str]
    """A sentence for each session that could not be decoded."""


class Runner:
    """Decodes sessions with a backend and a store."""

    def __init__(
        self, store: Store, backend: Backend, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> None:
        """Take a store and a backend.

        Args:
            store: Keeps the results.
            backend: Decodes sessions.
            on_progress: Gets the number of sessions done, and of all that have to be decoded.
        """
        self._store = store
        self._backend = backend
        self._on_progress = on_progress
        self._ids: dict[Path, str] = {}

    def id_of(self, model: Model) -> str:
        """Return the model's id, computed once."""
        key = model.bundle.encoder / model.person
        if key not in self._ids:
            self._ids[key] = model.id
        return self._ids[key]

    def run(self, requests: Iterable[Request]) -> Run:
        """Decode all requests; the results are on disk when this returns."""
        run = Run({}, {})
        tasks: dict[Task, str] = {}
        for trial, model, decodings in requests:
            name = self.id_of(model)
            stored = self._store.load(name, trial.path)
            if stored is not None:
                run.decoded[name, trial.path] = stored
            readings = {} if stored is None else stored.readings
            missing = tuple(d for d in dict.fromkeys(decodings) if d.key not in readings)
            if missing:
                precision = model.bundle.facts.encoder.precision
                tasks[Task(trial.path, model.bundle.folder, model.person, missing, precision)] = name
        self._on_progress(0, len(tasks))
        for done, (task, result) in enumerate(self._backend.run(list(tasks)), start=1):
            if isinstance(result, str):
                run.failures[task.session] = result
                run.decoded.pop((tasks[task], task.session), None)
            else:
                run.decoded[tasks[task], task.session] = self._store.save(tasks[task], task.session, result)
            self._on_progress(done, len(tasks))
        return run
