"""From one stream, or one for each band with a clock of its own, to chunks of all bands on one clock."""

from collections.abc import Sequence
from typing import Any

from messages.signal import BandChunk, Chunk, Layout
from streamer.arrival._unit_check import UnitCheck
from streamer.arrival.aligner import BandAligner
from streamer.arrival.intake import Delivery, Intake

TRAINED_SKEW = 0.06
"""Seconds that the bands of a training session may be apart."""
_COUNTED = ("repeated", "reordered", "recounted")  # of samples that are counted


class Merger:
    """Deliveries of each stream in, chunks out: the same however they are cut and whichever stream comes first.

    Args:
        layout: What comes out.
        intakes: One for all bands, or one for each.
        withhold: Whether samples that cannot be in the unit that was said are withheld.
    """

    def __init__(self, layout: Layout, intakes: Sequence[Intake], *, withhold: bool = True) -> None:
        self.layout = layout
        self.intakes = tuple(intakes)
        self.aligner = BandAligner(layout) if len(intakes) > 1 else None
        """What pairs separate bands; None for a single stream."""
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
        """What these samples of one stream bring out.

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
        """Whether that is more than between the bands of any training session."""
        return abs(self.skew or 0.0) > TRAINED_SKEW

    @property
    def lost(self) -> int | None:
        """Samples that were sent and never came; None where no stream counts its samples."""
        counts = [intake.lost for intake in self.intakes if intake.lost is not None]
        return sum(counts) if counts else None

    def problems(self) -> list[str]:
        """What is wrong at the moment, a sentence each."""
        found = [intake.problem for intake in self.intakes if intake.problem]
        found += [self._unit.problem] if self._unit and self._unit.problem else []
        skew = self.skew
        if skew is not None and self.skewed:
            sides = self.layout.sides if skew > 0 else self.layout.sides[::-1]
            found.append(
                f"the {sides[-1]} band's samples come {1e3 * abs(skew):.0f} ms behind those of the {sides[0]} band, "
                f"expected at most {1e3 * TRAINED_SKEW:.0f}: text waits for them; check the radio and who stamps them"
            )
        return found

    def notes(self) -> list[str]:
        """What is done to the samples that not every stream needs, a sentence each."""
        return [
            f"stream {intake.name!r} sends {intake.rate:.2f} ± {intake.rate_error:.2f} samples a second instead of "
            f"{self.layout.rate:g}: it is resampled"
            for intake in self.intakes
            if intake.resampler
        ]

    def figures(self) -> dict[str, Any]:
        """For the status: milliseconds, parts per million and counts."""
        drifts = [1e6 * intake.clock.drift for intake in self.intakes]
        counters = [intake.counter for intake in self.intakes if intake.counter]
        found: dict[str, Any] = {
            "rate_ppm": [round(drift, 1) for drift in drifts],
            "jitter_ms": [round(1e3 * intake.clock.jitter, 2) for intake in self.intakes],
            "lost": self.lost,
            "stale": sum(intake.stale for intake in self.intakes),
            "filled": sum(intake.filled for intake in self.intakes),
            **{name: sum(getattr(counter, name) for counter in counters) for name in _COUNTED},
            "steps": sum(intake.clock.steps for intake in self.intakes),
        }
        if self.aligner:
            skew = self.skew
            found["skew_ms"] = None if skew is None else round(1e3 * skew, 2)
            found["skewed"] = self.skewed
            found["drift_ppm"] = round(drifts[-1] - drifts[0], 1)
        return found
