"""Run a whole evaluation: tune on validation sessions if asked, decode the test sessions, score them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from emgtype.config import DecoderConfig
from emgtype.evaluation.decoding import GREEDY, Decoded, Decoding, live, with_language_model
from emgtype.evaluation.runner import Runner
from emgtype.evaluation.scores import Result, score
from emgtype.evaluation.trials import Model, Row, SessionList, Trial, leaks
from emgtype.evaluation.tuning import Grid, Tuning, tune
from messages.errors import InputError


@dataclass(frozen=True, slots=True)
class Plan:
    """The sessions, models and settings of an evaluation."""

    rows: tuple[Row, ...]
    tests: SessionList
    decoder: DecoderConfig
    beam: bool = True
    """Whether the live beam decodes beside greedy."""
    language_model: bool = True
    """Whether the beam uses the bundle's language model."""
    lags: tuple[float, ...] = ()
    """Commit lags (s) to try beside the configured one."""
    validation: tuple[Trial, ...] = ()
    grid: Grid | None = None
    """Weights and bonuses of the language model to try on `validation`; None: those of the bundle and the settings."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """The figures of one row of the table."""

    row: Row
    greedy: Result
    beam: Result | None
    language_model: bool
    """Whether every bundle of the row decoded with a language model."""
    lags: dict[float, Result]
    """Results of the beam by commit lag in seconds, ascending."""
    tuning: Tuning | None

    @property
    def best(self) -> Result:
        """The result that the detailed figures come from: the beam's, else greedy's."""
        return self.greedy if self.beam is None else self.beam

    def only(self, sessions: Collection[tuple[str, str]]) -> "RowResult":
        """Return the figures over some sessions alone, given by user and name."""
        lags = {lag: result.only(sessions) for lag, result in self.lags.items()}
        beam = None if self.beam is None else self.beam.only(sessions)
        return replace(self, greedy=self.greedy.only(sessions), beam=beam, lags=lags)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of all rows, and where they come from."""

    rows: tuple[RowResult, ...]
    failures: dict[Path, str]
    warnings: tuple[str, ...]
    populations: tuple[str, ...]
    """Hashes of the simulated populations that the sessions come from."""
    real: bool
    """Whether real recordings are among the sessions."""

    @property
    def shared(self) -> tuple[RowResult, ...]:
        """The rows over the sessions that all of them were tested on; empty where these are all sessions or none.

        Not everybody has a model of each kind, and rows over different people cannot be compared.
        """
        tested = [{(s.user, s.session) for s in row.greedy.sessions} for row in self.rows]
        common = set.intersection(*tested)
        if not common or all(sessions == common for sessions in tested):
            return ()
        return tuple(row.only(common) for row in self.rows)

    @property
    def origin(self) -> str:
        """The source of the sessions, so that no figure of simulated people passes for one of real people."""
        names = [f"simulated people, population {name}" for name in self.populations]
        return " and ".join([*names, *(["real recordings"] if self.real else [])])


def evaluate(plan: Plan, runner: Runner, notify: Callable[[str], None] = lambda _sentence: None) -> Evaluation:
    """Run a plan.

    Args:
        plan: Sessions, models and settings.
        runner: Decodes sessions and keeps the results.
        notify: Gets a sentence when a step begins.

    Raises:
        InputError: Nothing to test on or to tune on, or not one session could be decoded.
    """
    pairs = [row.trials(plan.tests.trials) for row in plan.rows]
    if not any(pairs):
        problem = "; ".join(plan.tests.failures.values()) or "there are none of people who have a model"
        raise InputError(f"no session to test on: {problem}")
    warnings = leaks(plan.rows, plan.tests.trials)
    tunings: list[Tuning | None] = [None] * len(plan.rows)
    if plan.grid is not None:
        tunings = _tune(plan, plan.grid, runner, notify)
    readings = [_Decodings(plan, tuning) for tuning in tunings]
    notify("decoding")
    run = runner.run((t, m, r.all(m)) for row, r in zip(pairs, readings, strict=True) for t, m in row)
    rows = []
    sessions: list[Decoded] = []
    for row, own, reading, tuning in zip(plan.rows, pairs, readings, tunings, strict=True):
        decoded_trials = [(t, m, run.decoded[key]) for t, m in own if (key := (runner.id_of(m), t.path)) in run.decoded]
        if decoded_trials:
            rows.append(_row(row, decoded_trials, reading, tuning))
            sessions += [decoded for _, _, decoded in decoded_trials]
    failures = {**plan.tests.failures, **run.failures}
    if not rows:
        raise InputError(f"not one session could be decoded: {'; '.join(failures.values())}")
    populations = tuple(sorted({s.population for s in sessions if s.population is not None}))
    return Evaluation(tuple(rows), failures, tuple(warnings), populations, any(s.population is None for s in sessions))


class _Decodings:
    """The decodings of a row's sessions."""

    def __init__(self, plan: Plan, tuning: Tuning | None) -> None:
        config = plan.decoder
        if tuning is not None:
            config = with_language_model(config, *tuning.best)
        self.lags = tuple(sorted({*plan.lags, config.commit.lag_s})) if plan.lags and plan.beam else ()
        self.has_beam = plan.beam
        self._config = config
        self._language_model = plan.language_model

    def beam(self, model: Model, lag: float | None = None) -> Decoding:
        config = self._config
        if lag is not None:
            config = replace(config, commit=replace(config.commit, lag_s=lag))
        return live(model.bundle, config, language_model=self._language_model)

    def all(self, model: Model) -> tuple[Decoding, ...]:
        return (GREEDY, *((self.beam(model), *(self.beam(model, lag) for lag in self.lags)) if self.has_beam else ()))


def _row(
    row: Row, decoded_trials: Sequence[tuple[Trial, Model, Decoded]], readings: _Decodings, tuning: Tuning | None
) -> RowResult:
    def result(decoding: Callable[[Model], Decoding]) -> Result:
        return Result(tuple(score(trial, decoded, decoding(model).key) for trial, model, decoded in decoded_trials))

    beam = result(readings.beam) if readings.has_beam else None
    lags = {lag: result(partial(readings.beam, lag=lag)) for lag in readings.lags}
    language_model = readings.has_beam and all(readings.beam(model).language_model for _, model, _ in decoded_trials)
    return RowResult(row, result(lambda _model: GREEDY), beam, language_model, lags, tuning)


def _tune(plan: Plan, grid: Grid, runner: Runner, notify: Callable[[str], None]) -> list[Tuning | None]:
    if not plan.validation:
        raise InputError(
            "there are no validation sessions to tune the language model on, and the test sessions must not be used: "
            "name --data with --splits that list some under val, or leave --tune out"
        )
    pairs = [row.trials(plan.validation) for row in plan.rows]
    if not any(pairs):
        raise InputError("none of the people of the validation sessions has a model: name other splits or models")
    tunings: list[Tuning | None] = []
    for row, own in zip(plan.rows, pairs, strict=True):
        notify(
            f"tuning {row.title}"
            if own
            else f"no validation session for {row.title}: its language model stays as it is"
        )
        tunings.append(tune(runner, own, plan.decoder, grid) if own else None)
    return tunings
