"""Training windows and end_part-out parts of a personalisation."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import h5py
import numpy as np
import pytest
import torch

from adapters.sessions.format import LAYOUT
from adapters.sessions.reader import SessionReader
from emgtype.datasets.simulated import write_session
from messages.errors import InputError
from messages.model_facts import StftFacts
from messages.typed import prompt_labels
from simulator.person import make_person
from simulator.session import typing_session
from training.data.windows import collate
from training.personal.data import Part, PersonWindows, WindowSizes, split_sessions
from training.recipe.augment import NONE, Augmentation

TEXT = ["the cat sat on the mat and the dog sat on the log " * 9]
CONTEXT = 2048
STFT = StftFacts()


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("person")
    paths = [folder / f"{donning}.hdf5" for donning in range(3)]
    for donning, path in enumerate(paths):
        write_session(path, typing_session(make_person(960), donning, TEXT, 40.0))
    return paths


def edited(session: Path, out: Path, edit: Callable[[h5py.AttributeManager], None]) -> Path:
    copy(session, out)
    with h5py.File(out, "r+") as file:
        edit(file["emg2qwerty"].attrs)
    return out


def prompts_only(attributes: h5py.AttributeManager) -> None:
    attributes["condition"] = "on_desk"
    attributes["keystrokes"] = "[]"


def windows(parts: tuple[Part, ...], augmentation: Augmentation = NONE, count: int = 40) -> PersonWindows:
    return PersonWindows(parts, STFT, augmentation, sizes=WindowSizes(8000, CONTEXT, 400), count=count, seed=3)


def test_of_three_sessions_the_last_is_held_out_whole(sessions: list[Path]) -> None:
    parts = split_sessions(sessions, LAYOUT, CONTEXT)
    assert [p.path for p in parts.training] == sessions[:2]
    (end_part,) = parts.held_out
    with SessionReader(sessions[2]) as session:
        assert (end_part.first, end_part.last) == (0, len(session))
        context = CONTEXT / 2000
        assert list(end_part.labels) == session.labels(session.start + context, session.end)


def test_of_fewer_the_end_of_each_is_held_out_and_nothing_overlaps(sessions: list[Path]) -> None:
    parts = split_sessions(sessions[:2], LAYOUT, CONTEXT)
    for before, behind in zip(parts.training, parts.held_out, strict=True):
        assert before.path == behind.path
        assert before.first == 0
        assert before.last <= behind.first + 1
        assert 0.1 < behind.minutes / (before.minutes + behind.minutes) < 0.35
        with SessionReader(behind.path) as session:
            presses = [k for k in session.keystrokes if k.label is not None]
            assert len(before.labels) + len(behind.labels) <= len(presses)
            # No key that is scored was pressed while the context of the first emission fills.
            assert list(behind.labels) == [k.label for k in presses[-len(behind.labels) :]]
            first_scored = session.index(presses[-len(behind.labels)].start)
            assert first_scored > behind.first + CONTEXT


def test_windows_contain_nothing_of_the_held_out_parts(sessions: list[Path]) -> None:
    parts = split_sessions(sessions[:1], LAYOUT, CONTEXT)
    data = windows(parts.training)
    (part,) = parts.training
    seen = data.frames.window(part.path, 0, part.last, NONE, torch.Generator())
    for index in range(len(data)):
        window = data[index]
        # Frames are unique, so a window's last frame tells where it ends.
        matches = (seen == window.frames[-1]).flatten(1).all(dim=1).nonzero()
        assert len(matches) == 1
        assert len(window.labels) == len(window.presses)


def test_windows_begin_anywhere_and_hold_their_presses(sessions: list[Path]) -> None:
    data = windows(split_sessions(sessions[:2], LAYOUT, CONTEXT).training)
    drawn = [data[index] for index in range(len(data))]
    assert len({float(w.frames[0].sum()) for w in drawn}) > 30
    for window in drawn:
        inside = window.presses
        assert ((inside >= window.first - 1) & (inside <= window.first + 8000 / 16 + 1)).all()
    batch = collate(drawn[:4])
    assert batch.frames.shape[2:] == (2, 16, 33)


def test_sessions_of_prompts_alone_give_whole_prompts_without_key_times(sessions: list[Path], tmp_path: Path) -> None:
    path = edited(sessions[0], tmp_path / "desk.hdf5", prompts_only)
    parts = split_sessions([path], LAYOUT, CONTEXT)
    with SessionReader(path) as session:
        known = [tuple(prompt_labels(p.text)) for p in session.prompts]
        starts = [session.index(p.start) for p in session.prompts]
        ends = [session.index(p.end) for p in session.prompts]
    (training,), (end_part,) = parts.training, parts.held_out
    scored = [k for k, first in zip(known, starts, strict=True) if first >= end_part.first + CONTEXT]
    assert end_part.labels == sum(scored, ())
    learned = [k for k, last in zip(known, ends, strict=True) if last <= training.last]
    assert training.labels == sum(learned, ())
    assert len(learned) + len(scored) >= len(known) - 1  # one lies across the border
    data = windows(parts.training)
    for index in range(len(data)):
        window = data[index]
        assert tuple(window.labels.tolist()) in learned
        assert window.presses.isnan().all()


def test_minutes_limit_the_samples_that_are_used(sessions: list[Path]) -> None:
    parts = split_sessions(sessions, LAYOUT, CONTEXT, minutes=0.8)
    assert sum(p.minutes for p in (*parts.training, *parts.held_out)) == pytest.approx(0.8, abs=0.05)
    assert {p.path for p in (*parts.training, *parts.held_out)} == set(sessions[:2])


def test_the_same_held_out_data_has_the_same_id_in_any_folder(sessions: list[Path], tmp_path: Path) -> None:
    here = split_sessions(sessions[:1], LAYOUT, CONTEXT)
    (tmp_path / "elsewhere").mkdir()
    moved = copy(sessions[0], tmp_path / "elsewhere" / sessions[0].name)
    assert split_sessions([Path(moved)], LAYOUT, CONTEXT).held_out_id == here.held_out_id
    assert split_sessions(sessions[1:2], LAYOUT, CONTEXT).held_out_id != here.held_out_id


@pytest.mark.parametrize(
    ("edit", "because"),
    [
        (lambda a: a.__setitem__("keystrokes", "[]"), "has 0 key presses"),
        (lambda a: a.update({"condition": "on_desk", "prompts": "[]"}), "has 0 prompts"),
        (lambda a: a.__setitem__("user", "00000007"), "users 00000007, 00000960"),
    ],
)
def test_sessions_without_usable_keys_are_refused(
    sessions: list[Path], tmp_path: Path, edit: Callable[[h5py.AttributeManager], None], because: str
) -> None:
    with pytest.raises(InputError, match=because):
        split_sessions([sessions[0], edited(sessions[1], tmp_path / "odd.hdf5", edit)], LAYOUT, CONTEXT)


def test_no_session_or_the_same_session_twice_is_refused(sessions: list[Path]) -> None:
    with pytest.raises(InputError, match="no session"):
        split_sessions([], LAYOUT, CONTEXT)
    with pytest.raises(InputError, match="named twice"):
        split_sessions([sessions[0], sessions[0]], LAYOUT, CONTEXT)


def test_a_session_whose_prompts_all_contain_a_long_pause_is_refused(sessions: list[Path], tmp_path: Path) -> None:
    def one_long(attributes: h5py.AttributeManager) -> None:
        prompts_only(attributes)
        prompts = json.loads(attributes["prompts"])
        joined = [{**prompts[0], "end": prompts[0]["start"] + 31.0}]
        attributes["prompts"] = json.dumps(joined)

    with SessionReader(sessions[0]) as session:
        end = len(session)
    path = edited(sessions[0], tmp_path / "long.hdf5", one_long)
    with pytest.raises(InputError, match=r"no prompt of .* within 30 s"):
        windows((Part(path, "long", 0, end, (1,), 0.6),))


def test_presses_are_nan_for_prompts_alone_in_a_mixed_batch(sessions: list[Path], tmp_path: Path) -> None:
    desk = edited(sessions[0], tmp_path / "desk.hdf5", prompts_only)
    parts = split_sessions([desk, sessions[1]], LAYOUT, CONTEXT)
    timed = windows(parts.training[1:])[0]
    untimed = windows(parts.training[:1])[0]
    both = collate([timed, untimed])
    assert both.presses.isnan().any(dim=1).tolist() == [False, True]
    assert np.isfinite(both.presses[0].numpy()).all()
