"""State the published figures of real emg2qwerty sessions, by the names that the measuring modules use.

Sources: Sivakumar et al. 2024 (NeurIPS, with slides) and its public repository; the device's specification. Facts only.
"""

from dataclasses import dataclass

import numpy as np

_INF = float("inf")


@dataclass(frozen=True, slots=True)
class Published:
    """One figure of the signal, and its published range on real recordings."""

    name: str
    title: str
    low: float = -_INF
    high: float = _INF

    def verdict(self, value: float) -> str:
        """Return "ok", or on which side of the published range a value lies; empty where no range is published."""
        if not (np.isfinite(self.low) or np.isfinite(self.high)):
            return ""
        return "low" if value < self.low else "high" if value > self.high else "ok" if np.isfinite(value) else "none"

    @property
    def range(self) -> str:
        """The range as printed."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{self.low:g} .. {self.high:g}"
        return f"≤ {self.high:g}" if np.isfinite(self.high) else f"≥ {self.low:g}" if np.isfinite(self.low) else ""


# Where one figure is published as "about", half and twice of it stand as its range.
SIGNAL = (
    Published("level", "level typing, median electrode, µV rms", 10, 15),
    Published("level_low", "· its 10th percentile of electrodes"),
    Published("level_high", "· its 90th percentile of electrodes"),
    Published("rest", "level at rest, µV rms", 1, 3),
    Published("peak_median", "burst peak, median electrode, µV", 20, 60),
    Published("peak_strongest", "· strongest electrode"),
    Published("density_8", "power density at 8 Hz, µV²/Hz", high=1e-5),
    Published("density_50-100", "· at 50-100 Hz", 1, 5),
    Published("density_200", "· at 200 Hz", 0.05, 0.2),
    Published("density_400", "· at 400 Hz", 0.005, 0.02),
    Published("density_650", "· above 650 Hz", 0.0005, 0.002),
    Published("floor_slope", "· 650 Hz and up over 880 Hz and up", 0.5, 2),
    Published("step", "differences at rest that are whole 12-bit steps"),
    Published("corr_neighbours", "correlation of neighbours on the ring", 0.8, 0.95),
    Published("corr_quarter", "· a quarter of the ring apart"),
    Published("corr_far", "· opposite", 0.2, 0.4),
    Published("corr_wrists", "· between the wrists, largest", high=0.07),
    Published("bin_0_low", "log power, bin 0, 1st percentile", -3.3, -2.3),
    Published("bin_0_high", "· 99th", 1.5, 2.5),
    Published("bins_1_2_low", "log power, bins 1-2, 1st percentile", 0.0, 1.0),
    Published("bins_1_2_high", "· 99th", 3.8, 4.8),
    Published("top_bins_low", "log power, bins from 850 Hz, 1st percentile", -3.0, -2.0),
    Published("top_bins_high", "· 99th", 0.2, 1.2),
    Published("burst_low", "burst above half its peak, 10th percentile, ms", 50, 150),
    Published("burst", "· median", 50, 150),
    Published("burst_high", "· 90th percentile", 50, 150),
    Published("burst_lead", "burst's rise before the press, ms", 10, 99),
    Published("peak_lead", "burst's peak before the press, ms", 0, 99),
)

_ANY = float("nan")
# Percentiles in the places where `statistics` has them; what is not published stays out of the comparison.
KEYS: dict[str, tuple[float, ...]] = {
    "keys a minute": (93, 263, 464),
    "keys in 4 s: mean, sd": (17, 5),
    "interval within a prompt, ms": (41, 60, 106, 151, 225, 376, 1040),
    "ln interval in s, under 1 s: mean, sd": (-1.89, 0.56),
    "same hand, ms": (_ANY, _ANY, 165, _ANY, _ANY),
    "alternating hands, ms": (_ANY, _ANY, 134, _ANY, _ANY),
    "double letter, ms": (_ANY, _ANY, 150, _ANY, _ANY),
    "into ⌫, ms": (_ANY, _ANY, 270, _ANY, _ANY),
    "into the first ⌫ of a run, ms": (_ANY, _ANY, 555, _ANY, _ANY),
    "after enter, ms": (_ANY, _ANY, 800, _ANY, _ANY),
    "held, ms": (60, _ANY, 91, _ANY, 165),
    "rollover, %": (21,),
    "share of space, %": (10.8,),
    "share of e, %": (9.7,),
    "share of a, %": (6.6,),
    "share of t, %": (6.5,),
    "share of i, %": (6.2,),
    "share of ⌫, %": (4.3,),
    "share of ⌫ by session, %": (1.5, _ANY, 7.7),
    "share of enter, %": (3.3,),
    "share of ., %": (0.35,),
    "share of ,, %": (0.2,),
    "keys of 98 that never occur": (21,),
}
