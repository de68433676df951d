"""The limits beyond which a signal is at fault, shared by the check of session files and the live watch.

They were set on simulated people and by the device's data sheet; docs/signal.md has the margins.
"""

RANGE = 6600.0
"""µV to either side that the device's converter spans; its high-pass may overshoot that to twice as much."""
TYPICAL = (0.2, 500.0)
"""µV rms that skin and electrodes can give behind a 40 Hz high-pass; 1 to 3 at rest, 10 to 15 while typing."""
CLIPPED_SHARE = 1e-4
"""Share of all samples that may be the third in a row at an extreme: no live signal rests there more often."""
UNITS = {"V": 1e6, "mV": 1e3, "nV": 1e-3}
"""µV per unit, for the units in which samples may be by mistake."""
SILENT = 12.0
"""dB below the band's median electrode at which an electrode has no contact; worn ones stay within 6 for a second."""
CRACKLING = 5.0
"""dB above the band's median electrode, beyond the muscles' frequencies, that are noise; worn ones stay within 3.3."""
COARSEST = 8.0
"""µV from one value to the next: 12 bits of the device's range are steps of 3.2, and its filter hides even those."""
RATE_SHARE = 0.02
"""Share of the rate by which the measured one may differ; clocks differ by a hundredth of that."""
TOLERATED = 1
"""Electrodes by which a band may be turned: models are trained to bear that much."""
DRIFTED = 6.0
"""dB by which the level of a band that types may differ from its reference."""


def likely_unit(rms: float) -> str | None:
    """Return the unit in which samples of this rms, taken for µV, would be typical; None if there is none."""
    least, most = TYPICAL
    return next((unit for unit, factor in UNITS.items() if least <= rms * factor <= most), None)
