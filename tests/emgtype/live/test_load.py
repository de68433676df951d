"""Flags of the wearers, and their lines as they are loaded."""

from pathlib import Path

import pytest

from emgtype.config import load_config
from emgtype.live.load import flags_of_each, load_lines
from messages.errors import InputError


def test_the_flags_of_a_single_wearer_may_be_left_out() -> None:
    nothing = {"bundle": None, "source.stream": None, "source.bands": None, "person": None, "pipeline.person": None}
    assert flags_of_each((), (), (), ()) == [nothing]
    assert flags_of_each(("s",), (), ("p",), ("b",)) == [
        {"bundle": "b", "source.stream": "s", "source.bands": [], "person": "p", "pipeline.person": "p"}
    ]
    assert flags_of_each((), (("l", "r"),), (), ()) == [{**nothing, "source.bands": ["l", "r"]}]


def test_the_flags_of_several_belong_together_by_their_order() -> None:
    ann, bob = flags_of_each((), (("a", "b"), ("c", "d")), ("ann", "bob"), ("one", "other"))
    assert (ann["bundle"], ann["source.bands"], ann["person"]) == ("one", ["a", "b"], "ann")
    assert (bob["bundle"], bob["source.bands"], bob["person"]) == ("other", ["c", "d"], "bob")
    assert [flags["bundle"] for flags in flags_of_each(("s", "t"), (), ("a", "b"), ("one",))] == ["one", "one"]
    assert [flags["bundle"] for flags in flags_of_each(("s", "t"), (), ("a", "b"), ())] == [None, None]


@pytest.mark.parametrize(
    ("flags", "because"),
    [
        ((("s",), (("l", "r"),), ("a", "b"), ()), "expected one of them"),
        ((("s", "t"), (), (), ()), "--person is given 0 times, expected 2"),
        ((("s", "t"), (), ("a",), ()), "--person is given 1 times, expected 2"),
        ((("s",), (), ("a", "b"), ()), "--person is given 2 times, expected 1"),
        ((("s",), (), (), ("b", "c")), "--bundle is given 2 times, expected once for all or 1"),
        ((("s", "t", "u"), (), ("a", "b", "c"), ("b", "c")), "--bundle is given 2 times, expected once for all or 3"),
        ((("s", "t"), (), ("a", "a"), ()), "--person names 'a' 2 times"),
        ((("s", "s"), (), ("a", "b"), ()), "--stream names 's' 2 times"),
        (((), (("l", "r"), ("q", "l")), ("a", "b"), ()), "--bands names 'l' 2 times"),
    ],
)
def test_flags_that_do_not_fit_together_are_refused(
    flags: tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]], because: str
) -> None:
    with pytest.raises(InputError, match=because):
        flags_of_each(*flags)


def test_lines_of_one_bundle_share_a_group_however_it_is_named(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shared)
    bundles = [str(shared), "demo", str(tmp_path / "link")]
    flags = flags_of_each(("s", "t", "u"), (), ("ann", "bob", "carl"), bundles)
    lines = load_lines([load_config(flags=each) for each in flags])
    assert [line.name for line in lines] == ["ann", "carl", "bob"]
    assert [line.number for line in lines] == [0, 1, 0]
    ann, carl, bob = (line.group for line in lines)
    assert ann is carl is not bob
    assert [len(group.pipelines.pipelines) for group in (ann, bob)] == [2, 1]
    assert [line.pipeline for line in lines[:2]] == [*ann.pipelines.pipelines]


def test_a_wearer_among_several_gets_a_layer_where_there_is_one_and_a_single_one_must_have_it(shared: Path) -> None:
    flags = flags_of_each(("s", "t"), (), ("ann", "bob"), (str(shared),))
    ann, bob = load_lines([load_config(flags=each) for each in flags])
    assert ann.pipeline.personal is None
    assert "none of ann" in ann.note
    assert bob.pipeline.personal is not None
    assert bob.note == ""
    with pytest.raises(InputError, match="has no layer for the person 'ann'"):
        load_lines([load_config(flags=flags_of_each(("s",), (), ("ann",), (str(shared),))[0])])
