"""Faults as people write them."""

import math

import pytest

from messages.errors import InputError
from simulator.fault_plan import KINDS, SimulatedFault, parse_faults
from simulator.session import LAYOUT


def test_everything_is_read_where_it_stands() -> None:
    assert parse_faults("nan@20+1=3/left, jitter=0.05,stall@2.5+0.5", LAYOUT) == (
        SimulatedFault("nan", 20.0, 1.0, 3.0, 0),
        SimulatedFault("jitter", 0.0, math.inf, 0.05),
        parse_faults("stall@2.5+.5", LAYOUT)[0],
    )
    assert parse_faults("jump@4=-1e3", LAYOUT)[0].value == -1000.0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_needs_its_name_alone(kind: str) -> None:
    (fault,) = parse_faults(kind, LAYOUT)
    assert (fault.kind, fault.start, fault.seconds) == (kind, 0.0, math.inf)
    assert fault.value == KINDS[kind].default or math.isnan(fault.value)


def test_a_band_that_goes_is_one_band() -> None:
    assert parse_faults("band", LAYOUT)[0].band == 1
    assert parse_faults("loss", LAYOUT)[0].band is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not understood: expected KIND"),
        ("nan@", "is not understood: expected KIND"),
        ("nan@3 + 4", "is not understood: expected KIND"),
        ("naan", "there is no fault 'naan': expected one of loss,"),
        ("loss=2", "has the value 2, expected 0 to 1 (share of packets lost)"),
        ("loss=1e999", "the VALUE of the fault 'loss=1e999' is '1e999': expected a number"),
        ("loss=-", "the VALUE of the fault 'loss=-' is '-': expected a number"),
        ("loss@1.2.3", "the START of the fault 'loss@1.2.3' is '1.2.3': expected a number"),
        ("loss@1+0", "lasts 0 s"),
        ("stall=3", "leave =3 out"),
        ("loss/middle", "names the band 'middle': expected left or right"),
        ("disconnect/left", "no band for disconnect"),
        ("full-disk/left", "no band for disconnect"),
    ],
)
def test_what_is_no_fault_is_told_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_faults(text, LAYOUT)
    assert says in str(error.value)
