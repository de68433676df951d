"""Real outlets and inlets of liblsl, on loopback: every sample once, in order, in its place and unit."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pylsl
import pytest

from adapters.lsl.channels import MODULUS
from adapters.lsl.discover import find_streams, resolve
from adapters.lsl.loopback import LSL_CONFIG_VARIABLE, loopback_config
from adapters.lsl.outlet import LSLOutlet
from adapters.lsl.source import LSLSource, open_bands, open_sources, open_stream
from messages.errors import InputError
from messages.signal import F32, Chunk, Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 16)
FIND = 2.0  # seconds; a stream that is there is found within milliseconds
RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine every stream answers at once."""
    monkeypatch.setattr("adapters.lsl.discover._LINGER_S", 0.1)


@pytest.fixture
def name() -> str:
    """Streams of other runs on this machine are seen, too."""
    return f"test-{uuid.uuid4().hex[:12]}"


def chunk(samples: int, start: int = 0, clock: float = 0.0) -> Chunk:
    values = RNG.normal(0, 10, (samples, 2, 16)).astype(np.float32)
    return Chunk(values, clock + (start + np.arange(samples)) / LAYOUT.rate, LAYOUT)


def raw_outlet(
    name: str,
    channels: int = 32,
    *,
    rate: float = 2000.0,
    form: int = pylsl.cf_float32,
    unit: str = "",
    labels: tuple[str, ...] = (),
    source_id: str | None = None,
) -> Any:
    """A device's own outlet, described as it likes."""
    info = pylsl.StreamInfo(name, "EMG", channels, rate, form, name if source_id is None else source_id)
    described = info.desc().append_child("channels")
    for index in range(channels if unit or labels else 0):
        channel = described.append_child("channel")
        if labels:
            channel.append_child_value("label", labels[index])
        if unit:
            channel.append_child_value("unit", unit)
    return pylsl.StreamOutlet(info)


def pull(source: LSLSource, samples: int, timeout: float = 3.0) -> Chunk:
    """All that comes until `samples` are there."""
    chunks: list[Chunk] = []
    end = time.monotonic() + timeout
    while sum(len(c.times) for c in chunks) < samples and time.monotonic() < end:
        got = source.pull(0.1)
        if got is not None:
            chunks.append(got)
    assert chunks, "no samples came"
    return Chunk(np.concatenate([c.samples for c in chunks]), np.concatenate([c.times for c in chunks]), LAYOUT)


def ready(*outlets: Any) -> None:
    """Wait until the outlets send: opening returns a little before (liblsl#176)."""
    assert all(outlet.wait_for_consumers(2.0) for outlet in outlets)


def test_every_sample_arrives_once_in_order(name: str) -> None:
    with LSLOutlet(name, LAYOUT, name, sample_numbers=True) as outlet, open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        start = pylsl.local_clock()
        whole = chunk(4001, clock=start)
        begin = 0
        for size in (1, 16, 700, 2, 2500, 782):
            part = slice(begin, begin + size)
            outlet.push(Chunk(whole.samples[part], whole.times[part] - start, LAYOUT), offset=start)
            begin += size
        got = pull(source, 4001)
        assert outlet.samples == 4001
        assert source.pull(0.05) is None
        np.testing.assert_array_equal(got.samples, whole.samples)
        np.testing.assert_allclose(got.times, whole.times, atol=2e-3)  # clock synchronisation with oneself: ± 0.1 ms
        assert np.all(np.diff(got.times) >= 0)
        assert source.lost == 0
        assert source.notes == ()
        assert source.layout == LAYOUT
        assert name in source.description


def test_lost_samples_are_counted_also_where_the_number_wraps(name: str) -> None:
    labels = (*(f"{side}_{e}" for side in LAYOUT.sides for e in range(16)), "sample_number")
    outlet = raw_outlet(name, 33, labels=labels, unit="uV")
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        # Lost: MODULUS - 1 and 0; 4, 5 and 6. Until 50 ms later they might still come.
        numbers = np.array([MODULUS - 3, MODULUS - 2, 1, 2, 3, *range(7, 120)])
        rows = np.column_stack([np.zeros((len(numbers), 32)), numbers]).astype(np.float32)
        for row in rows:
            outlet.push_chunk(row[None])
        assert len(pull(source, 123).times) == 123  # lost samples are there as NaN
        assert source.lost == 5
        outlet.push_chunk(rows[2:4])  # the source counts anew: nothing is known to be lost
        pull(source, 2)
        assert source.lost == 5


def test_unnumbered_stream_knows_of_no_loss(name: str) -> None:
    outlet = raw_outlet(name)
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        assert source.lost is None


@pytest.mark.parametrize(("form", "dtype"), [(pylsl.cf_int16, np.int16), (pylsl.cf_double64, np.float64)])
def test_permuted_labels_millivolts_and_formats(name: str, form: int, dtype: type) -> None:
    order = RNG.permutation(32)
    labels = np.array([f"{side}_{e}" for side in LAYOUT.sides for e in range(16)])[order]
    outlet = raw_outlet(name, form=form, unit="mV", labels=tuple(labels))
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        millivolts: npt.NDArray[Any] = RNG.integers(-50, 50, (40, 32)).astype(dtype)
        outlet.push_chunk(millivolts[:, order])
        got = pull(source, 40)
        np.testing.assert_allclose(got.samples.reshape(40, 32), millivolts * 1000.0)
        assert source.notes == ()


def test_undescribed_stream_is_taken_as_left_then_right_in_microvolts_with_notes(name: str) -> None:
    outlet = raw_outlet(name)
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        rows = RNG.normal(size=(10, 32)).astype(np.float32)
        outlet.push_chunk(rows)
        got = pull(source, 10)
        np.testing.assert_array_equal(got.samples[:, 0], rows[:, :16])
        np.testing.assert_array_equal(got.samples[:, 1], rows[:, 16:])
        assert len(source.notes) == 2
        assert all("assumed" in note for note in source.notes)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda name: raw_outlet(name, 8), "has 8 EMG channels, expected 32"),
        (lambda name: raw_outlet(name, rate=1000.0), "nominal rate of 1000 Hz, expected 2000 Hz"),
        (lambda name: raw_outlet(name, form=pylsl.cf_string), "format string, expected numbers"),
        (lambda name: raw_outlet(name, unit="counts"), "states the unit 'counts'"),
    ],
)
def test_stream_that_does_not_fit_is_refused(name: str, make: Callable[[str], Any], sentence: str) -> None:
    outlet = make(name)
    with pytest.raises(InputError, match=sentence):
        open_stream(name, LAYOUT, FIND)
    del outlet


def test_missing_stream_names_those_found(name: str) -> None:
    outlet = raw_outlet(name, 8)
    with pytest.raises(
        InputError, match=f"no LSL stream named '{name}-other' within 1.2 s, only .*'{name}' .type EMG, 8"
    ):
        open_stream(f"{name}-other", LAYOUT, 1.2)
    del outlet


def test_stream_that_vanished_once_found_gives_no_answer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.lsl.inlet._ANSWER_S", 0.5)
    outlet = [raw_outlet(name)]
    found = resolve([name], FIND)
    outlet.clear()
    monkeypatch.setattr("adapters.lsl.source.resolve", lambda names, timeout, on_match: found)
    with pytest.raises(InputError, match=f"'{name}' was found on .* but gave no description, expected it within 0.5 s"):
        open_stream(name, LAYOUT, FIND)


def test_streams_are_passed_on_while_others_are_still_looked_for(name: str) -> None:
    outlet = raw_outlet(name)
    matches: list[list[str]] = []
    found = resolve([name], FIND, lambda infos: matches.append([info.uid() for info in infos]))
    assert matches == [[info.uid() for info in found]]
    assert outlet is not None


def test_two_streams_of_one_name_are_told_apart_by_source_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.lsl.discover._LINGER_S", 1.0)  # the second answers half a second after the first
    outlets = [raw_outlet(name, source_id="one"), raw_outlet(name, source_id="two")]
    with pytest.raises(InputError, match=f"found 2 LSL streams for .*{name}@(one|two) or {name}@(one|two)"):
        open_stream(name, LAYOUT, FIND)
    with open_stream(f"{name}@two", LAYOUT, FIND):
        ready(outlets[1])
        assert not outlets[0].have_consumers()


def test_looking_describes_without_becoming_a_consumer(name: str) -> None:
    with LSLOutlet(name, LAYOUT, name, band=1) as outlet:
        (found,) = [s for s in find_streams(1.2) if s.name == name]
        assert found.labels == tuple(f"right_{e}" for e in range(16))
        assert (found.unit, found.type, found.channels, found.rate) == ("microvolts", "EMG", 16, 2000.0)
        assert not outlet.have_consumers()


def test_flush_drops_the_backlog(name: str) -> None:
    with LSLOutlet(name, LAYOUT, name, sample_numbers=True) as outlet, open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        outlet.push(chunk(500, clock=pylsl.local_clock()))
        time.sleep(0.1)
        assert source.flush() == 500
        fresh = chunk(16, clock=pylsl.local_clock())
        outlet.push(fresh)
        np.testing.assert_array_equal(pull(source, 16).samples, fresh.samples)
        assert source.lost == 0  # what was dropped on purpose is not lost


def test_jitter_and_batches_become_even_times_and_a_step_is_believed(name: str) -> None:
    outlet = raw_outlet(name)
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        now = pylsl.local_clock() - 0.5
        stamps = now + np.repeat(np.arange(16, 800, 16), 16) / LAYOUT.rate  # batches, stamped when their newest came
        outlet.push_chunk(np.zeros((784, 32), np.float32), stamps.tolist())
        got = pull(source, 784)
        np.testing.assert_allclose(np.diff(got.times) * LAYOUT.rate, 1.0, rtol=0, atol=0.05)
        np.testing.assert_allclose(got.times[400:] - now, np.arange(400, 784) / LAYOUT.rate, rtol=0, atol=6e-3)
        outlet.push_chunk(np.zeros((1, 32), np.float32), [now - 0.5])
        assert pull(source, 1).times[0] == pytest.approx(now - 0.5, abs=2e-3)


@pytest.mark.parametrize("behind", [1e9, -1e9, 5.0])
def test_stamps_of_another_clock_are_taken_as_of_now(name: str, behind: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.arrival.stamp_shift._BEHIND_S", 0.2)
    outlet = raw_outlet(name)
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        got: list[Chunk] = []
        for _ in range(60):
            stamps = pylsl.local_clock() - behind + np.arange(16) / LAYOUT.rate
            outlet.push_chunk(np.zeros((16, 32), np.float32), stamps.tolist())
            got += [piece] if (piece := source.pull(0.01)) else []
            time.sleep(0.008)  # as long as they were sampled
        assert got[-1].times[-1] == pytest.approx(pylsl.local_clock(), abs=0.4)
        (problem,) = source.problems()
        assert f"{behind:.1f} s behind this machine's LSL clock" in problem


def test_of_a_backlog_stale_samples_are_dropped_and_the_rest_comes_at_once(name: str) -> None:
    outlet = LSLOutlet(name, LAYOUT, name, sample_numbers=True)
    with outlet, open_sources([([name], LAYOUT)], FIND, stale=0.5)[0] as source:
        ready(outlet)
        sent = chunk(6000, clock=pylsl.local_clock() - 3.0)
        outlet.push(sent)
        time.sleep(0.1)
        got = source.pull(1.0)
        assert got is not None
        assert len(got.times) == pytest.approx(0.4 * LAYOUT.rate, abs=300)
        np.testing.assert_array_equal(got.samples, sent.samples[-len(got.times) :])
        figures = source.figures()
        assert figures["stale"] == 6000 - len(got.times)
        assert figures["lost"] == 0
        assert 100 <= figures["age_ms"] < 1000


def test_samples_of_a_wrong_unit_are_withheld(name: str) -> None:
    outlet = raw_outlet(name, unit="mV")  # but sends µV
    with open_sources([([name], LAYOUT)], FIND, withhold=True)[0] as source:
        ready(outlet)
        begun = pylsl.local_clock() - 1.0
        rows = RNG.normal(0, 12, (2000, 32)).astype(np.float32)
        outlet.push_chunk(rows, (begun + np.arange(2000) / LAYOUT.rate).tolist())
        assert len(pull(source, 1000).times) == 1000  # half a second, until it is known
        assert source.pull(0.1) is None
        left, right = source.problems()
        assert "the left band is at 1." in left
        assert "the right band is at 1." in right
        assert "1,000 times too large" in left


def test_a_lost_packet_is_there_as_nan(name: str) -> None:
    with LSLOutlet(name, LAYOUT, name, sample_numbers=True) as outlet, open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        sent = chunk(320, clock=pylsl.local_clock())
        outlet.push(Chunk(sent.samples[:160], sent.times[:160], LAYOUT))
        outlet.samples += 64
        outlet.push(Chunk(sent.samples[224:], sent.times[224:], LAYOUT))
        got = pull(source, 320)
        assert np.flatnonzero(np.isnan(got.samples[:, 0, 0])).tolist() == list(range(160, 224))
        np.testing.assert_allclose(got.times, sent.times, rtol=0, atol=2e-3)
        assert source.lost == 64


def test_a_device_that_comes_back_under_another_identity_is_found_by_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.lsl._live_stream._SEARCH_AFTER_S", 0.5)
    outlets = [raw_outlet(name, source_id="first")]
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlets[0])
        outlets[0].push_chunk(np.ones((16, 32), np.float32))
        pull(source, 16)
        outlets[:] = [raw_outlet(name, source_id="second")]
        end = time.monotonic() + 15.0
        while not outlets[0].have_consumers() and time.monotonic() < end:
            source.pull(0.1)
        outlets[0].push_chunk(np.full((16, 32), 2, np.float32))
        assert np.all(pull(source, 16).samples == 2)
        assert (source.figures()["back"], source.problems()) == (1, [])


@pytest.fixture
def bands(name: str) -> Iterator[tuple[LSLOutlet, LSLOutlet, LSLSource]]:
    names = [f"{name}-{side}" for side in LAYOUT.sides]
    with (
        LSLOutlet(names[0], LAYOUT, names[0], band=0, sample_numbers=True) as left,
        LSLOutlet(names[1], LAYOUT, names[1], band=1, sample_numbers=True) as right,
        open_bands(names, LAYOUT, FIND) as source,
    ):
        ready(left, right)
        yield left, right, source


def test_two_bands_are_paired_whatever_their_pieces(bands: tuple[LSLOutlet, LSLOutlet, LSLSource]) -> None:
    left, right, source = bands
    whole = chunk(1200, clock=pylsl.local_clock())

    def push(outlet: LSLOutlet, size: int) -> None:
        part = slice(outlet.samples, outlet.samples + size)
        outlet.push(Chunk(whole.samples[part], whole.times[part], LAYOUT))

    got: list[Chunk] = []
    for left_size, right_size in ((16, 0), (16, 48), (400, 1), (0, 700), (768, 451)):
        for outlet, size in ((left, left_size), (right, right_size)):
            if size:
                push(outlet, size)
        while (piece := source.pull(0.05)) is not None:
            got.append(piece)
    # Two clocks are estimated apart, each to ± 0.1 ms: on one machine every sample still finds its own partner.
    samples: F32 = np.concatenate([c.samples for c in got])
    np.testing.assert_array_equal(samples, whole.samples)
    assert source.lost == 0
    assert source.notes == ()


def test_one_band_alone_gives_nothing(bands: tuple[LSLOutlet, LSLOutlet, LSLSource]) -> None:
    left, _, source = bands
    left.push(chunk(100, clock=pylsl.local_clock()))
    began = time.monotonic()
    assert source.pull(0.2) is None
    assert time.monotonic() - began >= 0.2
    assert source.aligner is not None
    assert source.aligner.waiting_for == 1
    assert any("-right" in name for name in source.silent())
    left.push(chunk(100, clock=pylsl.local_clock()))
    assert source.pull(0.05) is None
    assert all("-right" in name for name in source.silent())


def test_swapped_bands_are_refused_by_their_description(name: str) -> None:
    with LSLOutlet(f"{name}-l", LAYOUT, "l", band=0), LSLOutlet(f"{name}-r", LAYOUT, "r", band=1):
        with pytest.raises(InputError, match="says that it is of the right band, expected the left one"):
            open_bands([f"{name}-r", f"{name}-l"], LAYOUT, FIND)
        with pytest.raises(InputError, match="named for several bands"):
            open_bands([f"{name}-l", f"{name}-l"], LAYOUT, FIND)


def test_stream_without_source_id_that_ends_is_taken_up_again_by_its_name(name: str) -> None:
    outlets = [raw_outlet(name, source_id="")]
    with open_stream(name, LAYOUT, FIND) as source:
        ready(outlets[0])
        outlets.clear()
        end = time.monotonic() + 5.0
        while not (source.problems() and source.silent()) and time.monotonic() < end:
            assert source.pull(0.1) is None
        assert f"'{name}' has ended" in source.problems()[0]
        assert source.figures()["silent"] == [name]
        outlets.append(raw_outlet(name, source_id=""))
        end = time.monotonic() + 15.0
        while not outlets[0].have_consumers() and time.monotonic() < end:
            source.pull(0.1)
        rows = RNG.normal(size=(40, 32)).astype(np.float32)
        outlets[0].push_chunk(rows)
        np.testing.assert_array_equal(pull(source, 40).samples.reshape(40, 32), rows)
        assert source.figures()["back"] == 1
        assert source.problems() == []


def test_samples_wait_for_the_clock_of_a_stream_that_came_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_inlet: Any, timeout: float) -> float:
        raise pylsl.util.TimeoutError

    with LSLOutlet(name, LAYOUT, name) as outlet, open_stream(name, LAYOUT, FIND) as source:
        ready(outlet)
        sent = chunk(16, clock=pylsl.local_clock())
        with monkeypatch.context() as recovering:
            recovering.setattr(pylsl.StreamInlet, "time_correction", unknown)
            outlet.push(sent)
            time.sleep(0.1)
            assert source.pull(0.0) is None
        np.testing.assert_array_equal(pull(source, 16).samples, sent.samples)


def test_several_peoples_streams_are_opened_together_and_each_gets_their_own(name: str) -> None:
    names = [f"{name}-{part}" for part in ("ann", "left", "right")]
    with (
        LSLOutlet(names[0], LAYOUT, names[0]) as ann,
        LSLOutlet(names[1], LAYOUT, names[1], band=0) as left,
        LSLOutlet(names[2], LAYOUT, names[2], band=1) as right,
    ):
        sources = open_sources([(names[:1], LAYOUT), (names[1:], LAYOUT)], FIND)
        with sources[0], sources[1]:
            ready(ann, left, right)
            sent = [chunk(320, clock=pylsl.local_clock()) for _ in sources]
            ann.push(sent[0])
            left.push(sent[1])
            assert sources[1].pull(0.1) is None
            right.push(sent[1])
            for source, expected in zip(sources, sent, strict=True):
                np.testing.assert_array_equal(pull(source, 320).samples, expected.samples)


def test_one_stream_under_two_names_is_refused(name: str) -> None:
    with LSLOutlet(name, LAYOUT, "one"), pytest.raises(InputError, match=f"'{name}@one' are the same LSL stream"):
        open_sources([([name], LAYOUT), ([f"{name}@one"], LAYOUT)], FIND)


PLAYER = """
import sys, time
import numpy as np, pylsl
from adapters.lsl.outlet import LSLOutlet
from messages.signal import Chunk, F32, Layout
layout = Layout(2000.0, "uV", ("left", "right"), 16)
with LSLOutlet(sys.argv[1], layout, sys.argv[1], sample_numbers=True) as outlet:
    assert outlet.wait_for_consumers(20.0)
    time.sleep(0.2)
    for start in range(0, 2000, 16):
        ramp = np.broadcast_to(np.arange(start, start + 16, dtype=np.float32)[:, None, None], (16, 2, 16))
        outlet.push(Chunk(ramp, pylsl.local_clock() + np.arange(16) / 2000.0, layout))
        time.sleep(0.004)
    sys.stdin.read()
"""


def play(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PLAYER, name], stdin=subprocess.PIPE)


@pytest.mark.slow
def test_another_process_dies_and_comes_back(name: str) -> None:
    with play(name) as player, open_stream(name, LAYOUT, 20.0) as source:
        got = pull(source, 2000, timeout=10.0)
        np.testing.assert_array_equal(got.samples[:, 1, 15], np.arange(2000))
        assert source.lost == 0
        player.kill()
        player.wait()
        for _ in range(3):
            assert source.pull(0.1) is None  # no error, no hang: the daemon sees a stall
        with play(name) as again:
            got = pull(source, 2000, timeout=20.0)
            assert len(got.times) > 0
            assert np.all(got.samples[:, 0, 0] == got.samples[:, 1, 15])
            again.kill()


def test_shipped_configuration_is_loopback_only() -> None:
    text = loopback_config().read_text()
    assert "ListenAddress = 127.0.0.1" in text
    assert "ResolveScope = machine" in text
    assert Path(os.environ[LSL_CONFIG_VARIABLE]).read_text().startswith(text)
