from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.datasets.dataset import Dataset, SessionEntry
from adapters.datasets.splits import SplitRule, Splits, read_splits, split_users, write_splits
from messages.errors import InputError

SPLITS = Splits(
    train=(("00012345", "2021-06-03-1622765527-study@1-a"), ("00012345", "b")),
    val=(("89335547", "c: 'quoted' #1"),),
    test=(),
)


def data_of(sessions: list[int], tagged: tuple[int, ...] = ()) -> Dataset:
    return Dataset(
        Path("data"),
        [
            SessionEntry(f"{user:08d}", f"u{user}-{i}", quality_check_tags=("outlier artifact",) * (user in tagged))
            for user, count in enumerate(sessions)
            for i in range(count)
        ],
    )


def test_lists_round_trip(tmp_path: Path) -> None:
    write_splits(tmp_path / "s.yaml", SPLITS)
    assert read_splits(tmp_path / "s.yaml") == SPLITS
    assert '- user: "00012345"\n    session: "b"' in (tmp_path / "s.yaml").read_text()
    with pytest.raises(InputError, match="exists already"):
        write_splits(tmp_path / "s.yaml", SPLITS)


@pytest.mark.parametrize("user", ["12345", "00012345", "'00012345'", '"12345"'])
@pytest.mark.parametrize("under", ["", "dataset:"])
def test_the_references_layout_is_read_for_any_name_of_a_user(tmp_path: Path, user: str, under: str) -> None:
    lists = (
        f"train:\n- user: {user}\n  session: 2021-06-03-study@1-0efbe614\nval: []\ntest:\n- {{user: x, session: 7}}\n"
    )
    indented = "".join(f"  {line}\n" for line in lists.splitlines()) if under else lists
    (tmp_path / "s.yaml").write_text(f"# @package _global_\nuser: single_user\n{under}\n{indented}")
    assert read_splits(tmp_path / "s.yaml") == Splits(
        train=(("00012345", "2021-06-03-study@1-0efbe614"),), val=(), test=(("x", "7"),)
    )


def test_overlap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'s' is in train and test"):
        Splits(train=(("1", "s"),), val=(), test=(("1", "s"),))
    (tmp_path / "s.yaml").write_text("train:\n- {user: 1, session: s}\n- {user: 2, session: s}\n")
    with pytest.raises(InputError, match="'s' is in train and train"):
        read_splits(tmp_path / "s.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "train: 7",
        "train: [7]",
        "train: [{user: 1}]",
        "train: [{user: [1], session: s}]",
        "{",
        "other: 1",
        "dataset: 1",
        "!!python/object/apply:os.system [echo]",
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError, match=r"s\.yaml"):
        read_splits(tmp_path / "s.yaml")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_splits(tmp_path / "none.yaml")


def test_the_users_with_most_sessions_are_held_out() -> None:
    split = split_users(data_of([3, 9, 6, 12, 4, 7], tagged=(3,)), SplitRule(test_users=2))
    assert list(split.personal) == ["00000001", "00000005"]
    assert {user for user, _ in split.generic.test} == {"00000001", "00000005"}
    # User 0 has too few sessions.
    assert {user for user, _ in split.generic.val} == {"00000002", "00000003", "00000004"}
    assert len(split.generic.train) == 4 + 10 + 2
    with_tags = split_users(data_of([3, 9, 6, 12], tagged=(3,)), SplitRule(test_users=1, tagged=True))
    assert list(with_tags.personal) == ["00000003"]


def test_three_sessions_per_user_are_enough_for_one_each() -> None:
    split = split_users(data_of([3] * 10), SplitRule(train=1, val=1, test=1))
    assert [[len(part) for part in (own.train, own.val, own.test)] for own in split.personal.values()] == [
        [1, 1, 1]
    ] * 8
    assert [len(part) for part in (split.generic.train, split.generic.val, split.generic.test)] == [4, 2, 8]


def test_too_few_users_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 3 users have at least 6 sessions without quality tags"):
        split_users(data_of([5, 6, 7], tagged=(2,)), SplitRule(test_users=2))
    with pytest.raises(InputError, match="at least 1"):
        split_users(data_of([9] * 9), SplitRule(test=0))


@given(
    sessions=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    held=st.integers(1, 3),
    counts=st.tuples(*[st.integers(1, 2)] * 3),
    seed=st.integers(0, 1000),
)
def test_every_split_obeys_the_rule(sessions: list[int], held: int, counts: tuple[int, int, int], seed: int) -> None:
    data, (train, val, test) = data_of(sessions), counts
    rule = SplitRule(held, train, val, test, seed=seed)
    if sum(count >= sum(counts) for count in sessions) < held:
        with pytest.raises(InputError):
            split_users(data, rule)
        return
    split = split_users(data, rule)
    assert split == split_users(data, rule)
    assert len(split.personal) == held
    least = min(len(data.sessions_of(user)) for user in split.personal)
    assert all(len(data.sessions_of(user)) <= least for user in data.users if user not in split.personal)
    for user, own in split.personal.items():
        assert own.users == (user,)
        assert (len(own.val), len(own.test)) == (val, test)
        assert len(own.train) == len(data.sessions_of(user)) - val - test >= train
    assert not {user for user, _ in split.generic.train + split.generic.val} & set(split.personal)
    assert split.generic.test == tuple(pair for own in split.personal.values() for pair in own.test)


def test_the_seed_alone_decides_the_draws() -> None:
    data = data_of([8] * 30)
    assert split_users(data, SplitRule(seed=1)) != split_users(data, SplitRule(seed=2))
    one, fewer = split_users(data), split_users(data_of([8] * 29))
    for user in set(one.personal) & set(fewer.personal):
        assert one.personal[user] == fewer.personal[user]
