from dataclasses import replace

import numpy as np
import pytest

from adapters.lsl.channels import map_channels
from adapters.lsl.discover import StreamSummary, choose
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
def test_order_is_assumed_and_said_where_labels_name_no_electrode(labels: tuple[str, ...]) -> None:
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


def test_one_band_by_its_labels_and_never_the_other() -> None:
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


def test_missing_unit_is_assumed_and_said_and_an_odd_one_refused() -> None:
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


def test_what_cannot_be_the_bands_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="nominal rate of 1000 Hz, expected 2000 Hz"):
        map_channels(stream(rate=1000.0), LAYOUT, BOTH)
    with pytest.raises(InputError, match="nominal rate of 0 Hz"):
        map_channels(stream(rate=0.0), LAYOUT, BOTH)
    with pytest.raises(InputError, match="format string, expected numbers"):
        map_channels(stream(number_format="string"), LAYOUT, BOTH)


def test_a_band_that_says_its_side_is_taken_for_no_other() -> None:
    said = replace(stream((), (), channels=3), side="right")
    assert map_channels(said, LAYOUT, ["right"]).columns.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="says that it is of the right band, expected the left one"):
        map_channels(said, LAYOUT, ["left"])


def test_another_type_is_said_not_refused() -> None:
    assert map_channels(stream(kind="EEG"), LAYOUT, BOTH).notes == (
        "stream 'bands' is of type 'EEG', not EMG: taken as EMG",
    )


def named(name: str, source_id: str) -> StreamSummary:
    return StreamSummary(name, "EMG", 32, 2000.0, "float32", source_id, "here")


def test_one_of_several_is_chosen_by_name_or_source_id() -> None:
    found = [named("a", "1"), named("b", "2"), named("b", "3"), named("b@2", "4")]
    assert choose("a", found, 1.0) == 0
    assert choose("b@3", found, 1.0) == 2
    assert choose("b@2", found, 1.0) == 3  # a name that looks like one is the name
    with pytest.raises(InputError, match=r"found 2 LSL streams for 'b', expected one: .* b@2 or b@3"):
        choose("b", found, 1.0)
    with pytest.raises(InputError, match="stop one of them"):
        choose("b@2", [named("b", "2"), named("b", "2")], 1.0)


def test_missing_stream_names_everything_found() -> None:
    with pytest.raises(InputError) as error:
        choose("c", [named("a", "1"), StreamSummary("m", "", 1, 0.0, "string", "", "there")], 1.5)
    assert str(error.value) == (
        "found no LSL stream named 'c' within 1.5 s, only"
        " 'a' (type EMG, 32 channels of float32 at 2000 Hz, source id 1, on here);"
        " 'm' (1 channels of string at an irregular rate, no source id, on there):"
        " name one of these, or start the device's LSL outlet"
    )
    with pytest.raises(InputError, match="found no LSL stream at all within 1 s, expected 'c': start"):
        choose("c", [], 1.0)


def test_unit_of_a_summary() -> None:
    assert stream().unit == "microvolts"
    assert stream(units=()).unit == ""
    assert stream(units=("mV", "uV", "", "", "", "")).unit == "mixed"
