"""What counts as a fault of the signal: the limits that the check of session files and the live watch share.

Levels are of the simulator's people and the device's data sheet; the margins are told in docs/signal.md.
"""

RANGE = 6600.0
"""µV: what the device's converter spans to either side; the high-pass may overshoot it to double."""
TYPICAL = (0.2, 500.0)
"""µV rms that skin and electrodes can give after a 40 Hz high-pass; 1-3 at rest, 10-15 while typing."""
CLIPPED_SHARE = 1e-4
"""Of all samples, three in a row at the extreme: no live signal rests there so often."""
UNITS = {"V": 1e6, "mV": 1e3, "nV": 1e-3}
"""µV in one of what samples may be in by mistake."""
SILENT = 12.0
"""dB below the band's median electrode, from where on one is no contact; worn ones stay within 6 for a second."""
CRACKLING = 5.0
"""dB above the band's median electrode beyond the muscles' frequencies; worn ones stay within 3.1."""
COARSEST = 8.0
"""µV from one value to the next: 12 bits of the device's range have 3.2, and its filter hides even those."""
RATE_SHARE = 0.02
"""Of the rate that the measured one may be off; clocks are off by a hundredth of that."""
TOLERATED = 1
"""Electrodes by which a band may be turned: models are trained to bear so much."""
DRIFTED = 6.0
"""dB between a band's level while typing and that of its reference."""


def likely_unit(rms: float) -> str | None:
    """In which unit samples of this rms (taken for µV) would be typical; None: in no other."""
    least, most = TYPICAL
    return next((unit for unit, factor in UNITS.items() if least <= rms * factor <= most), None)
