"""Streams on the network: chosen by name or source id, and named when one is missing."""

import pytest

from adapters.lsl.discover import StreamSummary, choose
from messages.errors import InputError


def stream(name: str, source_id: str, units: tuple[str, ...] = ()) -> StreamSummary:
    return StreamSummary(name, "EMG", 32, 2000.0, "float32", source_id, "here", units=units)


def test_one_of_several_streams_is_chosen_by_name_or_source_id() -> None:
    streams = [stream("a", "1"), stream("b", "2"), stream("b", "3"), stream("b@2", "4")]
    assert choose("a", streams, 1.0) == 0
    assert choose("b@3", streams, 1.0) == 2
    assert choose("b@2", streams, 1.0) == 3  # the name of a stream, though it looks like NAME@SOURCE_ID
    with pytest.raises(InputError, match=r"found 2 LSL streams for 'b', expected one: .* b@2 or b@3"):
        choose("b", streams, 1.0)
    with pytest.raises(InputError, match="stop one of them"):
        choose("b@2", [stream("b", "2"), stream("b", "2")], 1.0)


def test_missing_stream_names_everything_found() -> None:
    with pytest.raises(InputError) as error:
        choose("c", [stream("a", "1"), StreamSummary("m", "", 1, 0.0, "string", "", "there")], 1.5)
    assert str(error.value) == (
        "found no LSL stream named 'c' within 1.5 s, only"
        " 'a' (type EMG, 32 channels of float32 at 2000 Hz, source id 1, on here);"
        " 'm' (1 channels of string at an irregular rate, no source id, on there):"
        " name one of these, or start the device's LSL outlet"
    )
    with pytest.raises(InputError, match="found no LSL stream at all within 1 s, expected 'c': start"):
        choose("c", [], 1.0)


def test_the_unit_of_a_stream_is_that_of_all_its_channels() -> None:
    assert stream("a", "1", ("microvolts",) * 6).unit == "microvolts"
    assert stream("a", "1").unit == ""
    assert stream("a", "1", ("mV", "uV", "", "", "", "")).unit == "mixed"
