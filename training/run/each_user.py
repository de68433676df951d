"""A model for every user of a data set, trained one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.datasets.dataset import Dataset
from adapters.datasets.splits import Splits
from messages.errors import InputError
from training.recipe.settings import TrainSettings
from training.run.train import Machine, SessionLists, Start, train


@dataclass(frozen=True, slots=True)
class UserSplits:
    """The lists of sessions of each user of a data set."""

    dataset: Dataset
    splits: Mapping[str, Splits]
    """Lists of sessions, by user."""

    def session_lists(self, user: str) -> SessionLists:
        """Return the files of a user's sessions; raises InputError if one is missing."""
        own = self.splits[user]
        return SessionLists(files(self.dataset, own.train), files(self.dataset, own.val))


def by_user(splits: Splits) -> dict[str, Splits]:
    """Split the lists by user, for all users who have sessions to train and to validate."""

    def part(user: str) -> Splits:
        return Splits(
            *(tuple(pair for pair in pairs if pair[0] == user) for pairs in (splits.train, splits.val, splits.test))
        )

    parts = {user: part(user) for user in splits.users}
    return {user: own for user, own in parts.items() if own.train and own.val}


def files(dataset: Dataset, pairs: tuple[tuple[str, str], ...]) -> list[Path]:
    """Return the session files of (user, session) pairs; raises InputError if one is missing."""
    return [dataset.path(session) for _, session in pairs]


def train_each(
    users: UserSplits,
    settings: TrainSettings,
    out: Path,
    *,
    init: Path | None = None,
    machine: Machine | None = None,
    log: Callable[[str], None] = lambda _sentence: None,
) -> dict[str, str]:
    """Train a model per user into `out`/USER; finished and interrupted runs are continued.

    Args:
        users: The sessions of each user.
        settings: The recipe.
        out: Folder of the runs.
        init: Checkpoint or bundle whose weights every run starts from.
        machine: Hardware; None: chosen by Lightning.
        log: Called with a sentence of progress.

    Returns:
        The error message of each user whose run failed; the other users' runs were made.
    """
    failures: dict[str, str] = {}
    for number, user in enumerate(sorted(users.splits), start=1):
        count = len(users.splits[user].train)
        log(f"user {user} ({number} of {len(users.splits)}): {count} sessions to train on")
        try:
            train(users.session_lists(user), settings, out / user, start=Start(resume=True, init=init), machine=machine)
        # A run may also fail by the size or the files of this user alone: the other users' runs are made all the same.
        except (InputError, RuntimeError, OSError) as error:
            failures[user] = str(error)
            log(f"user {user}: {error}")
    return failures
