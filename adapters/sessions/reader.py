"""Reading session files: by field name, by time stamp, in slices (a file is hundreds of megabytes)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from adapters.files.closing import Closing
from adapters.sessions import format as form
from messages.errors import InputError
from messages.signal import Chunk, Layout
from messages.typed import ON_KEYBOARD, Keystroke, Prompt, truth_labels

_ROWS = 4000  # rows per slice: small reads run at a hundredth of the disk's speed
_RATE_ROWS = 20_000  # rows whose stamps tell the rate
_RATE_SPANS = 10  # their part that each measured span covers: lost data touches few spans, batched stamps blur none
HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""What h5py passes on where the inside of a file is broken, by the part that it stumbles over."""
_RATE_TOLERANCE = 0.05  # of the nominal rate: clocks are off by much less, another device's rate by much more


class SessionReader(Closing):
    """One session file, opened for reading. Use it in a `with`.

    Raises:
        InputError: No such file, or not a session file; the sentence says what was found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(f"no session file {path}: name an existing .hdf5 file")
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            if "unable to lock" in str(error):
                raise InputError(f"{path} is still being written: open it when the recording has ended") from None
            reason = "is truncated" if "truncated" in str(error) else "is not an HDF5 file"
            raise InputError(f"{path} {reason}: expected a complete session file; restore it from its source") from None
        try:
            self._series = self._open_series()
            self._group: Mapping[str, Any] = self._file[form.GROUP].attrs
            self.layout: Layout = form.LAYOUT
            self.attributes = {key: _plain(value) for key, value in self._group.items()}
            """All attributes of the file, unknown ones too."""
            self.origin = {key: str(_plain(value)) for key, value in self._file.attrs.items()}
            """Attributes of the file itself: where a recording comes from that is not a person's."""
            self.name = str(self.attributes.get(form.NAME, path.stem))
            self.user = str(self.attributes.get(form.USER, ""))
            self.condition = str(self.attributes.get(form.CONDITION, ON_KEYBOARD))
            self.duration_mins = form.minutes_from(self.attributes.get(form.MINUTES, 0.0), path)
            self.keystrokes: tuple[Keystroke, ...] = form.keystrokes_from_json(
                self.attributes.get(form.KEYSTROKES, "[]"), path
            )
            self.prompts: tuple[Prompt, ...] = form.prompts_from_json(self.attributes.get(form.PROMPTS, "[]"), path)
            self._check_rate()
            self._ends = tuple(float(self._series.fields(form.TIME)[row]) for row in (0, len(self) - 1))
        except HDF5_ERRORS as error:
            self._file.close()
            raise self._broken("", error) from None
        except BaseException:
            self._file.close()
            raise

    def _open_series(self) -> h5py.Dataset:
        series = self._file.get(f"{form.GROUP}/{form.SERIES}")
        if not isinstance(series, h5py.Dataset):
            group = self._file.get(form.GROUP)
            found = f"{form.GROUP}/({', '.join(group)})" if isinstance(group, h5py.Group) else ", ".join(self._file)
            found = found or "nothing"
            raise InputError(f"{self.path} holds {found}: expected the dataset {form.GROUP}/{form.SERIES}")
        names = series.dtype.names or ()
        missing = [name for name in (form.TIME, *form.FIELDS.values()) if name not in names]
        if missing:
            found = ", ".join(names) or str(series.dtype)
            raise InputError(
                f"{self.path} lacks the field {', '.join(missing)}: found {found}; expected a session file"
            )
        for name in (form.TIME, *form.FIELDS.values()):
            shape, expected = series.dtype[name].shape, form.RECORD[name].shape
            if shape != expected:
                raise InputError(
                    f"the field {name} of {self.path} holds {_numbers(shape)} a sample: expected {_numbers(expected)}"
                )
            if series.dtype[name].base.kind not in "fiu":
                raise InputError(f"the field {name} of {self.path} holds {series.dtype[name].base}: expected numbers")
        if series.ndim != 1 or not len(series):
            raise InputError(f"{self.path} has samples of shape {series.shape}: expected one row after the other")
        return series

    def _check_rate(self) -> None:
        stamps = self._series.fields(form.TIME)[:_RATE_ROWS]
        count = len(stamps) // _RATE_SPANS
        span = float(np.median(stamps[count:] - stamps[:-count])) if count else 0.0
        if not 0 < span < np.inf:
            return  # too few to tell, or no numbers: reading them will say so
        rate = count / span
        if abs(rate - self.layout.rate) > _RATE_TOLERANCE * self.layout.rate:
            raise InputError(
                f"{self.path} was sampled at {rate:.0f} Hz: expected {self.layout.rate:.0f} Hz; resample it"
            )

    def __len__(self) -> int:
        """Samples."""
        return len(self._series)

    @property
    def start(self) -> float:
        """Unix seconds of the first sample."""
        return self._ends[0]

    @property
    def end(self) -> float:
        """Unix seconds of the last sample."""
        return self._ends[1]

    def read(self, first: int, last: int) -> Chunk:
        """The samples first..last-1.

        Raises:
            InputError: A sample is no finite number, stamps run backwards, or the file ends early.
        """
        before = min(first, 1)  # the row before is read too: stamps that run backwards may do so where slices meet
        try:
            rows = self._series[first - before : last]
        except HDF5_ERRORS as error:
            raise self._broken(f" at sample {first}", error) from None
        rows, stamps = rows[before:], rows[form.TIME]
        times = stamps[before:]
        samples = np.stack([rows[form.FIELDS[side]] for side in self.layout.sides], axis=1)
        if not np.isfinite(samples).all():
            at, band, electrode = (int(i) for i in np.argwhere(~np.isfinite(samples))[0])
            value = samples[at, band, electrode]
            raise InputError(
                f"sample {first + at} of {self.path} (at {times[at]:.3f} s) is {value} at electrode {electrode} of the "
                f"{self.layout.sides[band]} band: expected finite µV; cut it out or record again"
            )
        rising = np.isfinite(stamps) & ~(np.diff(stamps, prepend=stamps[:1]) < 0)
        if not rising[before:].all():
            at = int(np.argmin(rising[before:]))
            raise InputError(
                f"the time stamps of {self.path} run backwards at sample {first + at} (to {times[at]:.3f} s): "
                "expected unix seconds that never fall; record again or mend them"
            )
        return Chunk(samples.astype(np.float32, copy=False), times.astype(np.float64, copy=False), self.layout)

    def index(self, time: float) -> int:
        """The first sample at or after a time, as np.searchsorted(times, time) gives it; reads a few rows only."""
        stamps, low, high = self._series.fields(form.TIME), 0, len(self)
        try:
            while high - low > _ROWS:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if stamps[middle] < time else (low, middle)
            return low + int(np.searchsorted(stamps[low:high], time))
        except HDF5_ERRORS as error:
            raise self._broken(f" around sample {low}", error) from None

    def chunks(self, rows: int = _ROWS, start: float | None = None, end: float | None = None) -> Iterator[Chunk]:
        """The samples with start <= time <= end in chunks of `rows` samples; by default all of them."""
        first = 0 if start is None else self.index(start)
        last = len(self) if end is None else self.index(float(np.nextafter(end, np.inf)))
        for begin in range(first, last, rows):
            yield self.read(begin, min(begin + rows, last))

    def _broken(self, where: str, error: Exception) -> InputError:
        return InputError(f"{self.path} cannot be read{where} ({error}): restore it from its source")

    def labels(self, start: float, end: float) -> list[int]:
        """What was typed in [start, end]: from key presses, or from prompts where there was no keyboard."""
        return truth_labels(self.condition, self.keystrokes, self.prompts, start, end)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _numbers(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) + " numbers" if shape else "one number"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
