"""Which sessions train, validate and test: the reference's YAML lists and its rule (Sivakumar et al. 2024).

Split by session, never by window: windows of one session share a donning, so they would leak into each other.
"""

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from adapters.datasets.dataset import Dataset, user_id
from messages.errors import InputError

Sessions = tuple[tuple[str, str], ...]
"""Pairs (user, session)."""

SEED = 1501
"""The reference's; our draws are another generator's, so its own lists come from its files alone."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Three disjoint lists of (user, session).

    Raises:
        InputError: A session occurs twice, in one list or in two.
    """

    train: Sessions
    val: Sessions
    test: Sessions

    def __post_init__(self) -> None:
        places = [(session, name) for name in _LISTS for _, session in getattr(self, name)]
        counts = Counter(session for session, _ in places)
        twice = [session for session, count in counts.items() if count > 1]
        if twice:
            where = " and ".join(name for session, name in places if session == twice[0])
            more = f", and {len(twice) - 1} more like it" if len(twice) > 1 else ""
            raise InputError(
                f"the splits overlap: the session {twice[0]!r} is in {where}{more}; expected each session once, "
                "or the test would be of what was trained on"
            )

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody in the lists, in order."""
        return tuple(sorted({user for name in _LISTS for user, _ in getattr(self, name)}))


_LISTS = tuple(field.name for field in fields(Splits))


@dataclass(frozen=True, slots=True)
class UserSplits:
    """The splits of a whole data set."""

    generic: Splits
    """Train and val of everybody but the held-out users, test of the held-out users."""
    personal: dict[str, Splits]
    """Of each held-out user, alone; most sessions first."""


def read_splits(path: Path) -> Splits:
    """Read lists in the reference's layout: train, val and test, at the top or under `dataset`, of `{user, session}`.

    Raises:
        InputError: No such file, another layout, or lists that overlap.
    """
    try:
        # BaseLoader makes lists, dicts and strings only: nothing is executed, and a user 00012345 is no octal number.
        content: Any = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise InputError(f"cannot read the splits {path}: {error.strerror}; name a YAML file of lists") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}; restore the file") from None
    lists = content.get("dataset", content) if isinstance(content, Mapping) else None
    if not isinstance(lists, Mapping) or not set(lists) & set(_LISTS):
        raise InputError(f"{path} holds no lists train, val and test of sessions: expected the layout of emg2qwerty")
    return Splits(*(_read_list(lists.get(name), name, path) for name in _LISTS))


def write_splits(path: Path, splits: Splits) -> None:
    """Write lists in the reference's layout; raises InputError where the file exists or cannot be made.

    Users are quoted: without quotes a reader takes eight digits for a number, an octal one where they begin with 0.
    """
    lines = ["# @package _global_", "dataset:"]  # the comment is Hydra's: the reference can read the file
    for name in _LISTS:
        sessions = getattr(splits, name)
        lines.append(f"  {name}:" if sessions else f"  {name}: []")
        for user, session in sessions:
            lines += [f"  - user: {json.dumps(user)}", f"    session: {json.dumps(session)}"]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except FileExistsError:
        raise InputError(f"{path} exists already: name a new file, or remove that one") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name a place that can be written") from None


def split_users(
    dataset: Dataset,
    *,
    test_users: int = 8,
    train: int = 2,
    val: int = 2,
    test: int = 2,
    tagged: bool = False,
    seed: int = SEED,
) -> UserSplits:
    """Split a data set by the reference's rule.

    The users with most sessions are held out, a tie being drawn; each gives `test` sessions to test and `val` to val,
    the rest trains a model of their own. Everybody else gives `val` sessions to the generic val, the rest to its train.
    Users with too few sessions are left out.

    Args:
        dataset: What to split; only its entries are looked at.
        test_users: Users to hold out.
        train: Sessions that must remain for training; users with fewer are left out.
        val: Sessions of each user for validation.
        test: Sessions of each held-out user for test.
        tagged: Whether users may be held out who have a session with quality tags. The reference passes them over.
        seed: Of all draws. A user's draw does not depend on who else is in the data set.

    Raises:
        InputError: Too few users with enough sessions.
    """
    if min(test_users, train, val, test) < 1:
        raise InputError(
            f"{test_users} test users and {train}, {val}, {test} sessions for train, val, test: each must be at least 1"
        )
    sessions = {user: dataset.sessions_of(user) for user in dataset.users}
    marked = {entry.user for entry in dataset.entries if entry.quality_check_tags}
    clean = [user for user in sessions if tagged or user not in marked]
    able = [user for user in clean if len(sessions[user]) >= train + val + test]
    if len(able) < test_users:
        also = "" if tagged else " without quality tags"
        raise InputError(
            f"{len(able)} of {len(sessions)} users have at least {train + val + test} sessions{also}: expected "
            f"{test_users} to hold out; ask for fewer users or sessions{'' if tagged else ', or allow tagged ones'}"
        )
    ranked = sorted(able, key=lambda user: (-len(sessions[user]), _draw(seed, user).random()))
    personal = {user: _split(user, sessions[user], val, test, seed) for user in ranked[:test_users]}
    others = [
        _split(user, own, val, 0, seed)
        for user, own in sessions.items()
        if user not in personal and len(own) >= train + val
    ]
    generic = Splits(
        train=tuple(pair for split in others for pair in split.train),
        val=tuple(pair for split in others for pair in split.val),
        test=tuple(pair for split in personal.values() for pair in split.test),
    )
    return UserSplits(generic, personal)


def _split(user: str, sessions: tuple[str, ...], val: int, test: int, seed: int) -> Splits:
    drawn = [(user, session) for session in sessions]
    _draw(seed, user).shuffle(drawn)
    first = val + test
    return Splits(*(tuple(sorted(part)) for part in (drawn[first:], drawn[test:first], drawn[:test])))


def _draw(seed: int, user: str) -> random.Random:
    return random.Random(f"{seed} {user}")


def _read_list(entries: Any, name: str, path: Path) -> Sessions:
    if entries in (None, ""):
        return ()
    if not isinstance(entries, list):
        raise InputError(f"{name} of {path} is {entries!r}: expected a list of user and session")
    pairs: list[tuple[str, str]] = []
    for entry in entries:
        match entry:
            case {"user": str(user), "session": str(session)} if user and session:
                pairs.append((user_id(user), session))
            case _:
                raise InputError(f"{name} of {path} holds {entry!r}: expected a user and a session")
    return tuple(pairs)
