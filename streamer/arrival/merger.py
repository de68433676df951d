"""One stream, or one per band with a clock of its own, made into chunks of all bands on one clock.

Plan
    A chain: each stream's intake → aligner (where the bands come as separate streams) → unit check (where samples of an
    impossible level are to be withheld). The chunks depend neither on how the deliveries were cut nor on which stream
    comes first.
"""

from collections.abc import Sequence
from typing import Any

from messages.notice import Notice
from messages.signal import BandChunk, Chunk, Layout
from streamer.arrival._unit_check import UnitCheck
from streamer.arrival.aligner import BandAligner
from streamer.arrival.intake import Delivery, Intake

TRAINED_SKEW = 0.06
"""Seconds that the bands of a training session may be apart."""
_COUNTS = ("repeated", "reordered", "recounted")
"""Figures of the sample counters in the status."""


class Merger:
    """Deliveries of each stream in, chunks out. See the module's plan.

    Args:
        layout: Layout of the chunks.
        intakes: One for all bands, or one for each.
        withhold: Whether samples whose level is impossible in their unit are withheld.
    """

    def __init__(self, layout: Layout, intakes: Sequence[Intake], *, withhold: bool = True) -> None:
        self.layout = layout
        self.intakes = tuple(intakes)
        self.aligner = BandAligner(layout) if len(intakes) > 1 else None
        """Pairs separate bands; None for a single stream."""
        self._unit = UnitCheck(layout) if withhold else None

    def reset(self) -> None:
        """Forget all samples; counts of the intakes stay."""
        for intake in self.intakes:
            intake.reset()
        if self.aligner:
            self.aligner.reset()
        if self._unit:
            self._unit.reset()

    def push(self, stream: int, delivery: Delivery) -> list[Chunk]:
        """Return the chunks that a delivery of one stream completes.

        Raises:
            InputError: A rate that is not the nominal one.
        """
        samples, times = self.intakes[stream].push(delivery)
        if self.aligner is None:
            rows = samples.reshape(-1, self.layout.bands, self.layout.electrodes)
            chunk: Chunk | None = Chunk(rows, times, self.layout)
        else:
            chunk = self.aligner.push(BandChunk(samples, times, stream)) if len(times) else None
        if chunk is None:
            return []
        return self._unit.push(chunk) if self._unit else [chunk]

    @property
    def skew(self) -> float | None:
        """Seconds by which the last band's samples come later than the first band's of the same moment.

        Pairing by time undoes it. None for a single stream, and in the first second.
        """
        first, last = self.intakes[0].delay, self.intakes[-1].delay
        return None if self.aligner is None or first is None or last is None else last - first

    @property
    def skewed(self) -> bool:
        """Whether the skew is larger than between the bands of any training session."""
        return abs(self.skew or 0.0) > TRAINED_SKEW

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where no stream numbers its samples."""
        counts = [intake.lost for intake in self.intakes if intake.lost is not None]
        return sum(counts) if counts else None

    def notices(self) -> list[Notice]:
        """Return what is wrong at the moment, or done to the samples of a stream and not to every stream's."""
        notices = [intake.notice for intake in self.intakes if intake.notice]
        notices += self._unit.notices if self._unit else ()
        skew = self.skew
        if skew is not None and self.skewed:
            first, last = self.layout.sides[0], self.layout.sides[-1]
            early, late = (first, last) if skew > 0 else (last, first)
            values: dict[str, float | str] = {
                "behind_ms": 1e3 * abs(skew),
                "other": early,
                "most_ms": 1e3 * TRAINED_SKEW,
            }
            notices.append(Notice("late-band", late, values))
        return notices + [
            Notice(
                "resampled",
                intake.name,
                {"rate": intake.rate, "error": intake.rate_error, "nominal": self.layout.rate},
            )
            for intake in self.intakes
            if intake.resampler
        ]

    def figures(self) -> dict[str, Any]:
        """Return the figures for the status: milliseconds, parts per million and counts."""
        drifts = [1e6 * intake.clock.drift for intake in self.intakes]
        counters = [intake.counter for intake in self.intakes if intake.counter]
        figures: dict[str, Any] = {
            "rate_ppm": [round(drift, 1) for drift in drifts],
            "jitter_ms": [round(1e3 * intake.clock.jitter, 2) for intake in self.intakes],
            "lost": self.lost,
            "stale": sum(intake.stale for intake in self.intakes),
            "filled": sum(intake.filled for intake in self.intakes),
            **{name: sum(getattr(counter, name) for counter in counters) for name in _COUNTS},
            "steps": sum(intake.clock.steps for intake in self.intakes),
        }
        if self.aligner:
            skew = self.skew
            figures["skew_ms"] = None if skew is None else round(1e3 * skew, 2)
            figures["skewed"] = self.skewed
            figures["drift_ppm"] = round(drifts[-1] - drifts[0], 1)
        return figures
