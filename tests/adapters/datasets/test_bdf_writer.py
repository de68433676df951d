from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.datasets.bdf_writer import DIGITAL_MAX, BdfChannel, BdfWriter, physical_max

CHANNELS = [BdfChannel("left00", "uV", 123.5, "HP:40Hz"), BdfChannel("stamps", "s", 0.00001)]


def read(path: Path, rate: int) -> tuple[list[str], np.ndarray]:
    """An independent reading by the format's description."""
    octets = path.read_bytes()
    count = int(octets[252:256])
    assert int(octets[184:192]) == 256 * (count + 1)
    records = int(octets[236:244])
    names = [octets[256 + 16 * i : 272 + 16 * i].decode().strip() for i in range(count)]
    at = 256 + count * (16 + 80 + 8)
    low, high = (np.array([float(octets[at + 8 * (k * count + i) :][:8]) for i in range(count)]) for k in (0, 1))
    assert (low == -high).all()
    body = np.frombuffer(octets[256 * (count + 1) :], np.uint8).reshape(records, count, rate, 3).astype(np.int32)
    digital = body[..., 0] | body[..., 1] << 8 | body[..., 2] << 16
    digital = np.where(digital >= 2**23, digital - 2**24, digital)
    return names, digital.transpose(0, 2, 1).reshape(-1, count) * high / DIGITAL_MAX


@pytest.mark.parametrize("cuts", [(), (1, 2, 3), (49, 50, 51, 100), tuple(range(1, 120))])
def test_any_cut_of_appends_writes_the_same_file(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).uniform(-1, 1, (120, 2)) * [123.5, 1e-5]
    with BdfWriter(tmp_path / "a.bdf", CHANNELS, 50, 1_600_000_000.5) as file:
        for part in np.split(values, cuts):
            file.append(part)
    names, found = read(tmp_path / "a.bdf", 50)
    assert names == ["left00", "stamps"]
    assert found.shape == (150, 2)
    assert (np.abs(found[:120] - values) <= np.array([c.step for c in CHANNELS]) * 0.5001).all()
    assert (found[120:] == found[119]).all()
    assert (tmp_path / "a.bdf").read_bytes()[168:184] == b"13.09.2012.26.40"


@given(st.floats(0, 9_000_000))
def test_ranges_hold_the_value_and_fit_the_header(magnitude: float) -> None:
    most = physical_max(magnitude)
    assert most >= magnitude
    assert most <= magnitude * 1.001 + 2e-5
    text = f"{-most:.5f}"
    assert float(text[:8]) == pytest.approx(-most, abs=1e-12)
