"""Reads session files: by field name, by time stamp, in slices (a file is hundreds of megabytes)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from adapters.files.closing import Closing
from adapters.sessions import format as form
from messages.errors import InputError
from messages.signal import Chunk, Layout
from messages.typed import ON_KEYBOARD, Keystroke, Prompt, truth_labels

_ROWS = 4000
"""Number of rows per slice: small reads run at a hundredth of the disk's speed."""
_RATE_ROWS = 20_000
"""Number of rows that the rate is measured on."""
_RATE_SPANS = 10
"""Number of spans that these rows are measured by: lost data touches few of them, and batched stamps blur none."""
HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""Errors of h5py where the inside of a file is broken; which one it is depends on the broken part."""


class SessionReader(Closing):
    """One session file, opened for reading. Use it in a `with`.

    Args:
        path: The file.

    Raises:
        InputError: There is no such file, or it is no session file; the sentence says what was found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(f"no session file {path}: name an existing .hdf5 file")
        self._file = _open(path)
        try:
            self._series = self._open_series()
            with self._reading():
                attributes, origin = dict(self._file[form.GROUP].attrs.items()), dict(self._file.attrs.items())
            self.layout: Layout = form.LAYOUT
            """Layout of the samples."""
            self.attributes = {key: _plain(value) for key, value in attributes.items()}
            """All attributes of the session, unknown ones too."""
            self.origin = {key: str(_plain(value)) for key, value in origin.items()}
            """Attributes of the file itself: the origin of a recording that is not a person's."""
            self.name = str(self.attributes.get(form.NAME, path.stem))
            """Name of the session."""
            self.user = str(self.attributes.get(form.USER, ""))
            """Name of the person who typed."""
            self.condition = str(self.attributes.get(form.CONDITION, ON_KEYBOARD))
            """Source of the truth: key presses of a keyboard, or prompts."""
            self.duration_mins = form.minutes_from(self.attributes.get(form.MINUTES, 0.0), path)
            """Length in minutes, as the attribute states it."""
            self.keystrokes: tuple[Keystroke, ...] = form.keystrokes_from_json(
                self.attributes.get(form.KEYSTROKES, "[]"), path
            )
            """Key presses, in the order of the file."""
            self.prompts: tuple[Prompt, ...] = form.prompts_from_json(self.attributes.get(form.PROMPTS, "[]"), path)
            """Texts that were shown to be typed."""
            self._check_rate()
            with self._reading():
                first, last = (float(self._series.fields(form.TIME)[row]) for row in (0, len(self) - 1))
            self.start = first
            """Unix seconds of the first sample."""
            self.end = last
            """Unix seconds of the last sample."""
        except BaseException:
            self._file.close()
            raise

    @contextmanager
    def _reading(self, where: str = "") -> Iterator[None]:
        """Turn the errors of h5py into an InputError; nothing but h5py's calls may stand inside."""
        try:
            yield
        except HDF5_ERRORS as error:
            raise InputError(f"{self.path} cannot be read{where} ({error}): restore it from its source") from None

    def _open_series(self) -> h5py.Dataset:
        with self._reading():
            series, group = self._file.get(f"{form.GROUP}/{form.SERIES}"), self._file.get(form.GROUP)
            members = f"{form.GROUP}/({', '.join(group)})" if isinstance(group, h5py.Group) else ", ".join(self._file)
            is_dataset = isinstance(series, h5py.Dataset)
            dtype: np.dtype = series.dtype if is_dataset else np.dtype("V")
            shape: tuple[int, ...] = series.shape if is_dataset else ()
        if not is_dataset:
            raise InputError(
                f"{self.path} holds {members or 'nothing'}: expected the dataset {form.GROUP}/{form.SERIES}"
            )
        names = dtype.names or ()
        missing = [name for name in (form.TIME, *form.FIELDS.values()) if name not in names]
        if missing:
            fields = ", ".join(names) or str(dtype)
            raise InputError(
                f"{self.path} lacks the field {', '.join(missing)}: found {fields}; expected a session file"
            )
        for name in (form.TIME, *form.FIELDS.values()):
            shape_of_field, expected = dtype[name].shape, form.RECORD[name].shape
            if shape_of_field != expected:
                raise InputError(
                    f"the field {name} of {self.path} holds {_numbers(shape_of_field)} a sample: "
                    f"expected {_numbers(expected)}"
                )
            if dtype[name].base.kind not in "fiu":
                raise InputError(f"the field {name} of {self.path} holds {dtype[name].base}: expected numbers")
        if len(shape) != 1 or not shape[0]:
            raise InputError(f"{self.path} has samples of shape {shape}: expected one row after the other")
        return series

    def _check_rate(self) -> None:
        with self._reading():
            stamps = self._series.fields(form.TIME)[:_RATE_ROWS]
        count = len(stamps) // _RATE_SPANS
        span = float(np.median(stamps[count:] - stamps[:-count])) if count else 0.0
        if not 0 < span < np.inf:
            # Too few samples for a rate, or stamps that are no numbers, which is an error of reading them.
            return
        rate = count / span
        if abs(rate - self.layout.rate) > form.RATE_TOLERANCE * self.layout.rate:
            raise InputError(
                f"{self.path} was sampled at {rate:.0f} Hz: expected {self.layout.rate:.0f} Hz; resample it"
            )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._series)

    def read(self, first: int, last: int) -> Chunk:
        """Return the samples first..last-1.

        Raises:
            InputError: A sample is no finite number, stamps run backwards, or the file ends early.
        """
        # The row before is read, too, since stamps may run backwards where two slices meet.
        before = min(first, 1)
        with self._reading(f" at sample {first}"):
            rows = self._series[first - before : last]
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
        """Return the number of the first sample at or after a time.

        The result is that of np.searchsorted(times, time), but only a few rows are read.

        Raises:
            InputError: The file is broken there.
        """
        stamps, low, high = self._series.fields(form.TIME), 0, len(self)
        while high - low > _ROWS:
            middle = (low + high) // 2
            with self._reading(f" around sample {middle}"):
                stamp = stamps[middle]
            low, high = (middle + 1, high) if stamp < time else (low, middle)
        with self._reading(f" around sample {low}"):
            rest = stamps[low:high]
        return low + int(np.searchsorted(rest, time))

    def chunks(self, rows: int = _ROWS, start: float | None = None, end: float | None = None) -> Iterator[Chunk]:
        """Yield the samples with start <= time <= end in chunks of `rows` samples; by default all of them.

        Raises:
            InputError: See `read`.
        """
        first = 0 if start is None else self.index(start)
        last = len(self) if end is None else self.index(float(np.nextafter(end, np.inf)))
        for begin in range(first, last, rows):
            yield self.read(begin, min(begin + rows, last))

    def labels(self, start: float, end: float) -> list[int]:
        """Return the labels typed in [start, end] s: from key presses, or from prompts if there was no keyboard."""
        return truth_labels(self.condition, self.keystrokes, self.prompts, start, end)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "unable to lock" in str(error):
            raise InputError(f"{path} is still being written: open it when the recording has ended") from None
        reason = "is truncated" if "truncated" in str(error) else "is not an HDF5 file"
        raise InputError(f"{path} {reason}: expected a complete session file; restore it from its source") from None


def _numbers(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) + " numbers" if shape else "one number"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
