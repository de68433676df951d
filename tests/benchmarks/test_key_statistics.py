"""Key logs whose figures are known by construction, and files that are none."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.key_statistics import log_of, read_log, statistics
from messages.errors import InputError
from messages.typed import Keystroke


def typed(keys: str, interval: float, held: float) -> list[Keystroke]:
    names = {" ": "Key.space", "<": "Key.backspace", "\n": "Key.enter"}
    return [Keystroke(names.get(k, k), 1 + i * interval, 1 + i * interval + held) for i, k in enumerate(keys)]


def test_even_typing() -> None:
    figures = statistics(log_of([(typed("fj" * 100, 0.2, 0.25), 60.0), (typed("ff" * 50, 0.1, 0.05), 30.0)]))
    assert figures["keys a minute"] == (200, 200, 200)
    assert figures["alternating hands, ms"] == pytest.approx((200,) * 5)
    assert figures["double letter, ms"] == pytest.approx((100,) * 5)
    assert figures["rollover, %"] == pytest.approx((100 * 199 / 298,))  # none from one session to the next
    assert figures["rollover in same hand, alternating, %"][1] == 100
    assert np.isnan(figures["into ⌫, ms"]).all()


def test_backspaces_count_by_run() -> None:
    figures = statistics(log_of([(typed("abx<cdxy<<e f\n", 0.3, 0.1), 6.0)]))
    assert figures["⌫ runs of 1, 2, 3, more, %"] == (50, 50, 0, 0)
    assert figures["share of ⌫, %"] == pytest.approx((100 * 3 / 14,))
    assert figures["share of enter, %"] == pytest.approx((100 / 14,))


def write(path: Path, **changes: np.ndarray) -> Path:
    log = {
        "onset": np.array([1.0, 1.3, 2.0, 1.0]),
        "duration": np.array([0.1, 0.1, 0.1, 0.2], np.float32),
        "key": np.array([0, 1, 2, 1], np.int16),
        "key_names": np.array(["a", "Key.space", "Key.tab"]),
        "session": np.array([0, 0, 0, 1], np.int16),
        "sessions": np.array(["one", "two"]),
        "rec_duration": np.array([60.0, 60.0]),
    }
    np.savez(path, **(log | changes))  # type: ignore[arg-type]  # names are array names, none is allow_pickle
    return path


def test_a_logs_timeline_starts_where_it_is_cut(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log.npz"))
    keys = log.timeline(0, 1.2, 1.0)
    assert [(k.key, round(k.start, 6), round(k.end, 6)) for k in keys] == [
        ("Key.space", 0.1, 0.2),
        ("Key.tab", 0.8, 0.9),
    ]
    assert statistics(log)["keys of 98 that never occur"] == (96,)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot read a key log"):
        read_log(path)


def test_a_log_that_names_unknown_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read a key log"):
        read_log(write(tmp_path / "log.npz", key=np.array([0, 1, 9, 1])))
