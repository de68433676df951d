"""Choose weight and bonus of the language model by CER on validation sessions alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from decoder.metrics import CharacterErrors
from emgtype.config import DecoderConfig
from emgtype.evaluation.decoding import Decoded, live, with_language_model
from emgtype.evaluation.runner import Runner
from emgtype.evaluation.scores import score
from emgtype.evaluation.trials import Model, Trial
from messages.errors import InputError


@dataclass(frozen=True, slots=True)
class Grid:
    """The weights and bonuses to try, every weight with every bonus."""

    weights: tuple[float, ...] = (0.2, 0.4, 0.65, 0.9, 1.2)
    """Factors on natural-log scores."""
    bonuses: tuple[float, ...] = (0.0, 0.75, 1.5, 2.25, 3.0)
    """Nats per scored key."""

    def __post_init__(self) -> None:
        """Refuse an empty grid and weights of 0 or less."""
        if not self.weights or not self.bonuses or min(self.weights) <= 0:
            raise InputError(
                f"the grid has the weights {list(self.weights)} and the bonuses {list(self.bonuses)}: expected at "
                "least one of each, and weights above 0"
            )


@dataclass(frozen=True, slots=True)
class Tuning:
    """The results at all points of the grid."""

    errors: dict[tuple[float, float], CharacterErrors]
    """Errors by weight and bonus."""
    sessions: tuple[str, ...]
    """Names of the validation sessions."""

    @property
    def best(self) -> tuple[float, float]:
        """Weight and bonus of the lowest CER; at equal CER the smallest weight, then the smallest bonus."""
        return min(self.errors, key=lambda point: (self.errors[point].cer, point))

    @property
    def at_the_edge(self) -> bool:
        """Whether the best point lies at the edge of the grid, so that values beyond it may be better."""
        ends = [(min(values), max(values)) for values in zip(*self.errors, strict=True)]
        return any(value in end and end[0] < end[1] for value, end in zip(self.best, ends, strict=True))


def tune(runner: Runner, trials: Sequence[tuple[Trial, Model]], config: DecoderConfig, grid: Grid) -> Tuning:
    """Decode validation sessions at every point of the grid; the encoder runs once a session.

    Raises:
        InputError: There is no session, a bundle has no language model, or no session could be decoded.
    """
    without = sorted({str(model.bundle.folder) for _, model in trials if model.bundle.language_model is None})
    if without:
        raise InputError(
            f"there is no language model to tune in {', '.join(without)}: put lm.binary and lm.json there "
            "(`emgtype lm build`), or leave --tune out"
        )
    points = [(weight, bonus) for weight in grid.weights for bonus in grid.bonuses]
    configs = {point: with_language_model(config, *point) for point in points}
    run = runner.run((trial, model, tuple(live(model.bundle, c) for c in configs.values())) for trial, model in trials)
    pairs = [(trial, model, run.decoded.get((runner.id_of(model), trial.path))) for trial, model in trials]
    usable: list[tuple[Trial, Model, Decoded]] = [(t, m, decoded) for t, m, decoded in pairs if decoded is not None]
    if not usable:
        reasons = "; ".join(run.failures.values()) or "there is none"
        raise InputError(f"no validation session could be decoded: {reasons}")
    errors = {
        point: sum((score(t, d, live(m.bundle, configs[point]).key).errors for t, m, d in usable), CharacterErrors())
        for point in points
    }
    return Tuning(errors, tuple(trial.session for trial, _, _ in usable))
