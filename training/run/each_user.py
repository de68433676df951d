"""A model for every user of a data set, one run after the other."""

from collections.abc import Callable
from pathlib import Path

from adapters.datasets.dataset import Dataset
from adapters.datasets.splits import Splits
from messages.errors import InputError
from training.recipe.settings import TrainSettings
from training.run.train import Machine, train


def by_user(splits: Splits) -> dict[str, Splits]:
    """One user's part of every list, for all users who have sessions to train and to validate."""

    def part(user: str) -> Splits:
        return Splits(
            *(tuple(pair for pair in pairs if pair[0] == user) for pairs in (splits.train, splits.val, splits.test))
        )

    parts = {user: part(user) for user in splits.users}
    return {user: own for user, own in parts.items() if own.train and own.val}


def files(dataset: Dataset, pairs: tuple[tuple[str, str], ...]) -> list[Path]:
    """The session files of (user, session) pairs; raises InputError for one that is not there."""
    return [dataset.path(session) for _, session in pairs]


def train_each(
    dataset: Dataset,
    splits: dict[str, Splits],
    settings: TrainSettings,
    out: Path,
    *,
    init: Path | None = None,
    machine: Machine | None = None,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> dict[str, str]:
    """Train a model per user into `out`/USER; runs that are done or half done are gone on with.

    Returns:
        The sentence of each user whose run failed; the others' went on.
    """
    failed: dict[str, str] = {}
    for number, (user, own) in enumerate(sorted(splits.items()), start=1):
        tell(f"user {user} ({number} of {len(splits)}): {len(own.train)} sessions to train on")
        try:
            train(
                files(dataset, own.train),
                files(dataset, own.val),
                settings,
                out / user,
                resume=True,
                init=init,
                machine=machine,
            )
        except (InputError, RuntimeError, OSError) as error:  # also what only this run's size or file brings about
            failed[user] = str(error)
            tell(f"user {user}: {error}")
    return failed
