"""The one place for corrections of the signal (roll, mirror, gain, causal filters)."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from messages.errors import InputError
from messages.signal import Chunk, Layout
from streamer.conditioning.placement import Placement

NOTCH_WIDTH = 3.0
"""Hz that a notch takes out: it rings for a third of a second and leaves a burst of muscle as it was."""
MAINS = (50.0, 60.0)
"""Hz: the frequencies of mains."""
HIGH_PASS_ORDER = 4
"""As that of emg2qwerty's device."""
_NYQUIST_SHARE = 0.45  # of the rate: filters above it are of no use, and near half of it unstable


class Conditioner(Protocol):
    """Samples in, as many corrected samples out, causally; output does not depend on how the input was cut."""

    def push(self, chunk: Chunk) -> Chunk:
        """The corrected samples, with the same times and layout."""
        ...

    def reset(self) -> None:
        """Forget the past (filter states)."""
        ...


class Identity:
    """The conditioner of a profile that asks for no correction."""

    def push(self, chunk: Chunk) -> Chunk:
        """The chunk itself."""
        return chunk

    def reset(self) -> None:
        """Nothing to forget."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is to be corrected; lists are by band, in the layout's order, or empty for none."""

    roll: tuple[int, ...] = ()
    """Places by which each band's electrodes are rolled around the ring, after mirroring."""
    mirror: tuple[bool, ...] = ()
    """Whether each band is on the wrong way round."""
    gain: tuple[float, ...] = ()
    """What each band's samples are multiplied by."""
    high_pass_hz: float = 0.0
    """Hz below which the signal is taken out; 0: none is."""
    notch_hz: float = 0.0
    """Hz of the mains hum to take out, one of `MAINS`; 0: none."""

    def placements(self, layout: Layout) -> tuple[Placement, ...]:
        """Of each band.

        Raises:
            InputError: Corrections of another number of bands.
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
    """What applies the corrections; the identity where there are none.

    Raises:
        InputError: Corrections of another number of bands, or a filter that the rate does not allow.
    """
    places = corrections.placements(layout)
    moved = any(place.roll % layout.electrodes or place.mirror for place in places)
    filtered = corrections.high_pass_hz != 0 or corrections.notch_hz != 0
    if not (moved or filtered or any(gain != 1 for gain in corrections.gain)):
        return Identity()
    return Correction(corrections, layout)


class Correction:
    """Electrodes put in their places, then gain, then filters; all sample by sample, so no cut shows."""

    def __init__(self, corrections: Corrections, layout: Layout) -> None:
        """Errors as those of `conditioner`."""
        places = corrections.placements(layout)
        self._order = np.stack([place.order(layout.electrodes) for place in places])  # (bands, electrodes)
        self._bands = np.arange(layout.bands)[:, None]
        gain = np.array(corrections.gain or (1.0,) * layout.bands, np.float32)
        self._gain = None if (gain == 1).all() else gain[:, None]
        self._sections = _filters(corrections, layout)
        self._shape = (layout.bands, layout.electrodes)
        self.reset()

    def reset(self) -> None:
        """Forget the filters' past; the sample that comes first counts as having been there for ever."""
        self._state: npt.NDArray[np.float64] | None = None

    def push(self, chunk: Chunk) -> Chunk:
        """The corrected samples."""
        samples = chunk.samples[:, self._bands, self._order]
        if self._gain is not None:
            samples = samples * self._gain
        if self._sections is not None and len(samples):
            samples = self._filtered(samples, self._sections)
        return Chunk(samples, chunk.times, chunk.layout)

    def _filtered(self, samples: npt.NDArray[np.float32], sections: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        from scipy.signal import sosfilt, sosfilt_zi  # noqa: PLC0415 - half a second that who filters nothing saves

        if self._state is None:
            self._state = sosfilt_zi(sections)[:, :, None, None] * samples[0].astype(np.float64)
        filtered, self._state = sosfilt(sections, samples, axis=0, zi=self._state)
        return np.asarray(filtered, np.float32)


def _filters(corrections: Corrections, layout: Layout) -> npt.NDArray[np.float64] | None:
    """(sections, 6) second-order sections, or None."""
    highest = _NYQUIST_SHARE * layout.rate
    if not 0 <= corrections.high_pass_hz <= highest:
        raise InputError(
            f"conditioner.high_pass_hz = {corrections.high_pass_hz:g}: expected 0 (none) or up to {highest:g} Hz"
        )
    if corrections.notch_hz not in (0, *MAINS):
        raise InputError(
            f"conditioner.notch_hz = {corrections.notch_hz:g}: expected the mains', 50 or 60 Hz, or 0 (none)"
        )
    if not (corrections.high_pass_hz or corrections.notch_hz):
        return None
    from scipy.signal import butter, iirnotch, tf2sos  # noqa: PLC0415 - as in `_filtered`

    sections = []
    if corrections.high_pass_hz:
        sections.append(butter(HIGH_PASS_ORDER, corrections.high_pass_hz, "highpass", fs=layout.rate, output="sos"))
    if corrections.notch_hz:  # and its harmonics, as far as muscles have power
        for harmonic in np.arange(corrections.notch_hz, min(highest, 400.0) + 1e-9, corrections.notch_hz):
            sections.append(tf2sos(*iirnotch(harmonic, harmonic / NOTCH_WIDTH, fs=layout.rate)))
    return np.concatenate(sections)
