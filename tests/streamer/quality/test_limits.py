import pytest

from streamer.quality.limits import likely_unit


@pytest.mark.parametrize(
    ("rms", "unit"), [(10e-6, "V"), (0.01, "mV"), (10_000.0, "nV"), (1e-9, None), (1e12, None), (0.15e-6, None)]
)
def test_samples_are_likely_in_the_unit_in_which_they_are_typical(rms: float, unit: str | None) -> None:
    assert likely_unit(rms) == unit
