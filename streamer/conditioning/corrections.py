"""The one place that corrects the signal: electrodes to their places, then gain, then causal filters."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from messages.errors import InputError
from messages.signal import F32, F64, Chunk, Layout
from streamer.conditioning.placement import Placement

NOTCH_WIDTH_HZ = 3.0
"""A notch this wide rings for a third of a second, and leaves the burst of a muscle as it was."""
MAINS_HZ = (45.0, 65.0)
"""The frequency of every mains lies between these."""
HIGH_PASS_ORDER = 4
"""The order of the high-pass of emg2qwerty's device."""
_NYQUIST_SHARE = 0.45
"""Share of the sampling rate up to which filters are allowed: near half of the rate they are unstable, and useless."""
_HIGHEST_HARMONIC_HZ = 400.0
"""Harmonics of the mains are taken out up to here, as far as muscles have power."""


@dataclass(frozen=True, slots=True)
class IdentityState:
    """The state of a stage that remembers nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class ConditionerState:
    """What a `Corrector` remembers."""

    filters: F64 | None
    """(sections, 2, bands, electrodes) delays of the filters; None before the first sample, and without filters."""


class Conditioner(Protocol):
    """Samples in, as many corrected samples out, causally; the output does not depend on how the input was cut.

    A conditioner answers every sample at once, so nothing waits in it for the end of the signal.
    """

    def push(self, chunk: Chunk) -> Chunk:
        """Return the corrected samples, with the same times and layout."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...

    @property
    def state(self) -> Any:
        """All that the conditioner remembers, as a named dataclass: read it to keep it, set it to go on from there."""
        ...

    @state.setter
    def state(self, state: Any, /) -> None: ...


class Identity:
    """The conditioner of a profile that asks for no correction."""

    state = IdentityState()

    def push(self, chunk: Chunk) -> Chunk:
        """Return the chunk itself."""
        return chunk

    def reset(self) -> None:
        """Do nothing: nothing is remembered."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """The corrections of one person's bands; tuples hold a value per band, in the layout's order, or none at all."""

    roll: tuple[int, ...] = ()
    """Places by which each band's electrodes are rolled around the ring, after mirroring."""
    mirror: tuple[bool, ...] = ()
    """Whether each band is on the wrong way round."""
    gain: tuple[float, ...] = ()
    """Factor of each band's samples."""
    high_pass_hz: float = 0.0
    """Hz below which the signal is taken out; 0: nothing is."""
    notch_hz: float = 0.0
    """Hz of the mains whose hum is taken out; 0: none is."""

    def placements(self, layout: Layout) -> tuple[Placement, ...]:
        """Return the placement of each band.

        Raises:
            InputError: The corrections are for another number of bands, or a gain is not above 0.
        """
        for name in ("roll", "mirror", "gain"):
            values = getattr(self, name)
            if values and len(values) != layout.bands:
                raise InputError(
                    f"conditioner.{name} has {len(values)} values, expected {layout.bands}, one for each of "
                    f"{', '.join(layout.sides)}, or none"
                )
        if not all(0 < gain < np.inf for gain in self.gain):
            raise InputError(f"conditioner.gain = {list(self.gain)}: expected numbers above 0")
        rolls, mirrors = self.roll or (0,) * layout.bands, self.mirror or (False,) * layout.bands
        return tuple(map(Placement, rolls, mirrors))


def conditioner(corrections: Corrections, layout: Layout) -> Conditioner:
    """Return the conditioner that applies the corrections: the identity if there are none.

    Raises:
        InputError: The corrections are for another number of bands, or the sampling rate does not allow a filter.
    """
    placements = corrections.placements(layout)
    moves = any(placement.roll % layout.electrodes or placement.mirror for placement in placements)
    filters = corrections.high_pass_hz != 0 or corrections.notch_hz != 0
    if not (moves or filters or any(gain != 1 for gain in corrections.gain)):
        return Identity()
    return Corrector(corrections, layout)


class Corrector:
    """Applies corrections sample by sample, so that no cut shows."""

    def __init__(self, corrections: Corrections, layout: Layout) -> None:
        """Prepare the corrections; raises InputError as `conditioner` does."""
        placements = corrections.placements(layout)
        # (bands, electrodes)
        self._order = np.stack([placement.order(layout.electrodes) for placement in placements])
        self._bands = np.arange(layout.bands)[:, None]
        gain = np.array(corrections.gain or (1.0,) * layout.bands, np.float32)
        self._gain = None if (gain == 1).all() else gain[:, None]
        self._sections = _filter_sections(corrections, layout)
        self.reset()

    def reset(self) -> None:
        """Forget the filters' past: the first sample counts as having been there for ever."""
        self._filters: F64 | None = None

    @property
    def state(self) -> ConditionerState:
        """The delays of the filters."""
        return ConditionerState(None if self._filters is None else self._filters.copy())

    @state.setter
    def state(self, state: ConditionerState) -> None:
        self._filters = None if state.filters is None else state.filters.copy()

    def push(self, chunk: Chunk) -> Chunk:
        """Return the corrected samples."""
        missing = ~np.asarray(np.isfinite(chunk.samples).all(axis=-1), np.bool_)  # (T, bands)
        some_missing = bool(missing.any())
        # A value that is no number would stay in the filters for ever.
        samples = np.where(missing[..., None], np.float32(0), chunk.samples) if some_missing else chunk.samples
        samples = samples[:, self._bands, self._order]
        if self._gain is not None:
            samples = samples * self._gain
        if self._sections is not None and len(samples):
            samples = self._filtered(samples, self._sections)
        if some_missing:
            samples[missing] = np.nan
        return Chunk(samples, chunk.times, chunk.layout)

    def _filtered(self, samples: F32, sections: F64) -> F32:
        # Imported here because it takes half a second, which a start without filters saves.
        from scipy.signal import sosfilt, sosfilt_zi  # noqa: PLC0415

        if self._filters is None:
            self._filters = sosfilt_zi(sections)[:, :, None, None] * samples[0].astype(np.float64)
        filtered, self._filters = sosfilt(sections, samples, axis=0, zi=self._filters)
        return np.asarray(filtered, np.float32)


def _filter_sections(corrections: Corrections, layout: Layout) -> F64 | None:
    """Return (sections, 6) second-order sections, or None if no filter is asked for."""
    highest = _NYQUIST_SHARE * layout.rate
    if not 0 <= corrections.high_pass_hz <= highest:
        raise InputError(
            f"conditioner.high_pass_hz = {corrections.high_pass_hz:g}: expected 0 (none) or up to {highest:g} Hz"
        )
    if corrections.notch_hz != 0 and not MAINS_HZ[0] <= corrections.notch_hz <= MAINS_HZ[1]:
        raise InputError(
            f"conditioner.notch_hz = {corrections.notch_hz:g}: expected the frequency of the mains, 50 or 60 Hz "
            "(45 to 65), or 0 (none)"
        )
    if not (corrections.high_pass_hz or corrections.notch_hz):
        return None
    # Imported here for the reason given in `_filtered`.
    from scipy.signal import butter, iirnotch, tf2sos  # noqa: PLC0415

    sections = []
    if corrections.high_pass_hz:
        sections.append(butter(HIGH_PASS_ORDER, corrections.high_pass_hz, "highpass", fs=layout.rate, output="sos"))
    if corrections.notch_hz:
        last = min(highest, _HIGHEST_HARMONIC_HZ) + 1e-9
        for harmonic in np.arange(corrections.notch_hz, last, corrections.notch_hz):
            sections.append(tf2sos(*iirnotch(harmonic, harmonic / NOTCH_WIDTH_HZ, fs=layout.rate)))
    return np.concatenate(sections)
