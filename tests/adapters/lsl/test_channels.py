"""The channels of a stream mapped to electrodes: order, unit, sample number, and what does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from adapters.lsl.channels import map_channels
from adapters.lsl.discover import StreamSummary
from messages.errors import InputError
from messages.signal import Layout

LAYOUT = Layout(2000.0, "uV", ("left", "right"), 3)
BOTH = ("left", "right")
LABELS = tuple(f"{side}_{e}" for side in BOTH for e in range(3))


def stream(
    labels: tuple[str, ...] = LABELS,
    units: tuple[str, ...] = ("microvolts",) * 6,
    *,
    channels: int = 6,
    rate: float = 2000.0,
    kind: str = "EMG",
    number_format: str = "float32",
) -> StreamSummary:
    return StreamSummary("bands", kind, channels, rate, number_format, "id-1", "here", labels, units)


def test_described_stream_needs_no_assumption() -> None:
    channels = map_channels(stream(), LAYOUT, BOTH)
    np.testing.assert_array_equal(channels.columns, np.arange(6))
    np.testing.assert_array_equal(channels.scale, np.ones(6))
    assert channels.notes == ()
    assert channels.number is None


@pytest.mark.parametrize(
    "labels",
    [
        ("right_2", "left_1", "right_0", "left_0", "left_2", "right_1"),
        ("R3", "L2", "R1", "L1", "L3", "R2"),  # counted from 1
        ("EMG right 2", "EMG left 1", "EMG right 0", "EMG left 0", "EMG left 2", "EMG right 1"),
    ],
)
def test_labels_give_the_order(labels: tuple[str, ...]) -> None:
    channels = map_channels(stream(labels), LAYOUT, BOTH)
    np.testing.assert_array_equal(channels.columns, [3, 1, 4, 2, 5, 0])
    assert channels.notes == ()


@pytest.mark.parametrize("labels", [(), ("A1", "A2", "A3", "A4", "A5", "A6"), ("0", "1", "2", "3", "4", "5")])
def test_order_is_assumed_with_a_note_where_labels_name_no_electrode(labels: tuple[str, ...]) -> None:
    channels = map_channels(stream(labels), LAYOUT, BOTH)
    np.testing.assert_array_equal(channels.columns, np.arange(6))
    assert channels.notes == (
        "stream 'bands' has no labels that name electrodes: assumed 3 of left, then 3 of right, in ring order",
    )


@pytest.mark.parametrize(
    "labels",
    [
        ("left_0", "left_1", "left_2", "right_0", "right_1", "aux"),
        ("left_0", "left_1", "left_1", "right_0", "right_1", "right_2"),
        ("left_0", "left_1", "left_3", "right_0", "right_1", "right_2"),
        ("left_2", "left_3", "left_4", "right_2", "right_3", "right_4"),
    ],
)
def test_labels_that_contradict_the_layout_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="do not name each of 3 electrodes of left and right once"):
        map_channels(stream(labels), LAYOUT, BOTH)


def test_one_band_is_known_by_its_labels_and_never_taken_for_the_other() -> None:
    right = stream(("right_1", "right_2", "right_0"), ("uV",) * 3, channels=3)
    np.testing.assert_array_equal(map_channels(right, LAYOUT, ("right",)).columns, [2, 0, 1])
    with pytest.raises(InputError, match="electrodes of left once, expected left_0"):
        map_channels(right, LAYOUT, ("left",))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("uV", 1),
        ("µV", 1),
        ("μV", 1),
        ("microvolts", 1),
        ("-6", 1),
        ("mV", 1e3),
        ("V", 1e6),
        ("Volts", 1e6),
        ("nV", 1e-3),
    ],
)
def test_units_are_converted_by_name(unit: str, factor: float) -> None:
    np.testing.assert_allclose(map_channels(stream(units=(unit,) * 6), LAYOUT, BOTH).scale, factor)


def test_units_go_with_their_channel() -> None:
    labels = ("right_0", "right_1", "right_2", "left_0", "left_1", "left_2")
    channels = map_channels(stream(labels, ("mV",) * 3 + ("uV",) * 3), LAYOUT, BOTH)
    np.testing.assert_array_equal(channels.scale, [1, 1, 1, 1000, 1000, 1000])


def test_a_missing_unit_is_assumed_with_a_note_and_an_unknown_one_refused() -> None:
    channels = map_channels(stream(units=()), LAYOUT, BOTH)
    np.testing.assert_array_equal(channels.scale, np.ones(6))
    assert channels.notes == ("stream 'bands' does not state its unit: assumed uV",)
    with pytest.raises(InputError, match="states the unit 'counts', expected volts"):
        map_channels(stream(units=("counts",) * 6), LAYOUT, BOTH)


def test_sample_number_channel_is_no_electrode_wherever_it_stands() -> None:
    labels, units = ("sample_number", *LABELS), ("count", *("mV",) * 6)
    channels = map_channels(stream(labels, units, channels=7), LAYOUT, BOTH)
    assert channels.number == 0
    np.testing.assert_array_equal(channels.columns, np.arange(1, 7))
    np.testing.assert_array_equal(channels.scale, [1000] * 6)


def test_extra_channel_without_that_label_is_refused() -> None:
    with pytest.raises(InputError, match="has 7 EMG channels, expected 6"):
        map_channels(stream((*LABELS, "aux"), (), channels=7), LAYOUT, BOTH)
    with pytest.raises(InputError, match="has 5 EMG channels, expected 6"):
        map_channels(stream((*LABELS[:5], "sample_number"), ()), LAYOUT, BOTH)


def test_a_stream_of_another_rate_or_of_text_is_refused() -> None:
    with pytest.raises(InputError, match="nominal rate of 1000 Hz, expected 2000 Hz"):
        map_channels(stream(rate=1000.0), LAYOUT, BOTH)
    with pytest.raises(InputError, match="nominal rate of 0 Hz"):
        map_channels(stream(rate=0.0), LAYOUT, BOTH)
    with pytest.raises(InputError, match="format string, expected numbers"):
        map_channels(stream(number_format="string"), LAYOUT, BOTH)


def test_a_band_that_states_its_side_is_taken_for_no_other() -> None:
    right = replace(stream((), (), channels=3), side="right")
    assert map_channels(right, LAYOUT, ["right"]).columns.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="says that it is of the right band, expected the left one"):
        map_channels(right, LAYOUT, ["left"])


def test_another_type_is_noted_not_refused() -> None:
    assert map_channels(stream(kind="EEG"), LAYOUT, BOTH).notes == (
        "stream 'bands' is of type 'EEG', not EMG: taken as EMG",
    )
