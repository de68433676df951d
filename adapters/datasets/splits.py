"""Splits sessions into train, validation and test: the reference's YAML lists and its rule (Sivakumar et al. 2024).

A split goes by session, never by window: windows of one session share a donning, so they would leak into each other.
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
"""Seed of the reference; we draw with another generator, so only its files give its own lists."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Three disjoint lists of (user, session).

    Raises:
        InputError: A session occurs twice, in one list or in two.
    """

    train: Sessions
    """Sessions to train on."""
    val: Sessions
    """Sessions to choose a model by."""
    test: Sessions
    """Sessions to report errors of."""

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
        """Names of all users in the lists, in order."""
        return tuple(sorted({user for name in _LISTS for user, _ in getattr(self, name)}))


_LISTS = tuple(field.name for field in fields(Splits))


@dataclass(frozen=True, slots=True)
class UserSplits:
    """The splits of a whole data set."""

    generic: Splits
    """Train and val of all users but the held-out ones, test of the held-out users."""
    personal: dict[str, Splits]
    """Splits of each held-out user alone, by name; the user with most sessions comes first."""


def read_splits(path: Path) -> Splits:
    """Read lists in the reference's layout: train, val and test, at the top or under `dataset`, of `{user, session}`.

    Raises:
        InputError: The file cannot be read or has another layout, or its lists overlap.
    """
    try:
        # BaseLoader makes lists, dicts and strings alone: nothing is executed, and a user 00012345 is no octal number.
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
    """Write lists in the reference's layout.

    Users are quoted, since readers take eight digits for a number, and for an octal one if they begin with 0.

    Raises:
        InputError: The file exists, or cannot be made.
    """
    # The comment is for Hydra, so that the reference can read the file.
    lines = ["# @package _global_", "dataset:"]
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


@dataclass(frozen=True, slots=True)
class SplitRule:
    """The sizes of a split by the reference's rule, and its draws."""

    test_users: int = 8
    """Number of users to hold out."""
    train: int = 2
    """Number of sessions that must remain for training; users with fewer sessions are left out."""
    val: int = 2
    """Number of sessions of each user for validation."""
    test: int = 2
    """Number of sessions of each held-out user for test."""
    tagged: bool = False
    """True if a user who has a session with quality tags may be held out; the reference passes such users over."""
    seed: int = SEED
    """Seed of all draws; a user's draw does not depend on the other users of the data set."""

    def __post_init__(self) -> None:
        if min(self.test_users, self.train, self.val, self.test) < 1:
            raise InputError(
                f"{self.test_users} test users and {self.train}, {self.val}, {self.test} sessions for train, val, "
                "test: each must be at least 1"
            )


def split_users(dataset: Dataset, rule: SplitRule | None = None) -> UserSplits:
    """Split a data set by the reference's rule.

    The users with most sessions are held out, a tie being drawn; each of them gives `test` sessions to test and `val`
    to val, and the rest trains a model of their own. Every other user gives `val` sessions to the generic val, and the
    rest to its train. Users with too few sessions are left out.

    Args:
        dataset: The data set; only its entries are used.
        rule: Sizes and draws; None: those of the reference.

    Raises:
        InputError: Too few users have enough sessions.
    """
    rule = rule or SplitRule()
    sessions = {user: dataset.sessions_of(user) for user in dataset.users}
    with_tags = {entry.user for entry in dataset.entries if entry.quality_check_tags}
    candidates = [user for user in sessions if rule.tagged or user not in with_tags]
    least = rule.train + rule.val + rule.test
    able = [user for user in candidates if len(sessions[user]) >= least]
    if len(able) < rule.test_users:
        also = "" if rule.tagged else " without quality tags"
        raise InputError(
            f"{len(able)} of {len(sessions)} users have at least {least} sessions{also}: expected {rule.test_users} to "
            f"hold out; ask for fewer users or sessions{'' if rule.tagged else ', or allow tagged ones'}"
        )
    ranked = sorted(able, key=lambda user: (-len(sessions[user]), _draw(rule.seed, user).random()))
    personal = {
        user: _split(user, sessions[user], rule.val, rule.test, rule.seed) for user in ranked[: rule.test_users]
    }
    others = [
        _split(user, own, rule.val, 0, rule.seed)
        for user, own in sessions.items()
        if user not in personal and len(own) >= rule.train + rule.val
    ]
    generic = Splits(
        train=tuple(pair for split in others for pair in split.train),
        val=tuple(pair for split in others for pair in split.val),
        test=tuple(pair for split in personal.values() for pair in split.test),
    )
    return UserSplits(generic, personal)


def _split(user: str, sessions: tuple[str, ...], val: int, test: int, seed: int) -> Splits:
    shuffled = [(user, session) for session in sessions]
    _draw(seed, user).shuffle(shuffled)
    first = val + test
    return Splits(*(tuple(sorted(part)) for part in (shuffled[first:], shuffled[test:first], shuffled[:test])))


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
