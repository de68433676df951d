"""Notices: reports about an input, or about how a wearer fares, as data.

A stage or the daemon's loop decides by notices and compares them; only the border (status, log, error) asks for the
`sentence`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Code = Literal[
    "wrong-rate",
    "still-stamps",
    "wrong-unit",
    "late-band",
    "resampled",
    "stream-ended",
    "stream-silent",
    "other-clock",
    "stalled",
    "streams-stalled",
    "samples-again",
    "clench-paused",
    "clench-resumed",
    "gone",
    "gaps",
    "masked",
    "stale",
    "repeated",
    "reordered",
    "recounted",
    "steps",
    "overflows",
    "back",
]
"""Name of each matter that a notice can be about."""

_SENTENCES: Mapping[Code, str] = {
    "wrong-rate": "stream {subject!r} sends about {rate:.0f} samples a second, expected {nominal:g} within {percent:g} "
    "%: set the device to that rate, or name another stream (--stream, --bands); a device that loses samples should "
    "number them",
    "still-stamps": "the time stamps of stream {subject!r} do not rise, expected those of samples at {nominal:g} Hz: "
    "name another stream (--stream, --bands), or mend the driver of the device",
    "wrong-unit": "the {subject} band is at {level:.3g} µV rms, expected {lowest:g} to {highest:g}: its values are "
    "about {factor:,.0f} times too {size}, correct the unit that its stream states; nothing is decoded until then",
    "late-band": "the {subject} band's samples come {behind_ms:.0f} ms behind those of the {other} band, expected at "
    "most {most_ms:.0f}: the text waits for them; check the radio, and the clock by which the samples are stamped",
    "resampled": "stream {subject!r} sends {rate:.2f} ± {error:.2f} samples a second instead of {nominal:g}: it is "
    "resampled to that rate, and there is nothing to do",
    "stream-ended": "stream {subject!r} has ended and has no source id: another stream of that name is looked for; "
    "start the device again, best with a source id",
    "stream-silent": "stream {subject!r} has been silent for {seconds:g} s: another stream of that name is looked for "
    "as well; check that the device is switched on and near",
    "other-clock": "the time stamps of stream {subject!r} are {behind:.1f} s behind this machine's LSL clock: its "
    "samples are taken as of their arrival; have the device stamp them by LSL's clock",
    "stalled": "no samples for {seconds:g} s: the text so far is final, waiting",
    "streams-stalled": "no samples from {streams} for {seconds:g} s: the text so far is final, waiting",
    "samples-again": "samples again",
    "clench-paused": "paused by a clench",
    "clench-resumed": "resumed by a clench",
    "gone": "{reason}; their text so far is final, the others go on",
    "gaps": "samples were missing for longer than 200 ms ({count} times): the text before is final, and decoding began "
    "anew",
    "masked": "samples were missing for up to 200 ms: {count} frames of {frame_ms:g} ms were masked",
    "stale": "{count} samples came too late to be decoded",
    "repeated": "{count} samples came twice or too late and were dropped",
    "reordered": "{count} samples came out of order and were put back in order",
    "recounted": "a stream began to count its samples anew ({count} times): how many it lost before is not known",
    "steps": "the time stamps stepped to another clock ({count} times)",
    "overflows": "a subscriber did not keep up ({count} times): it lost the messages that were sent while its queue "
    "was full, as their numbers show",
    "back": "a stream came back under its name ({count} times)",
}
"""Sentence of each code, with the notice's subject and values in braces."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A matter that a stage reports about its input, or the loop about a wearer."""

    code: Code
    subject: str
    """Name of the stream or wearer, or side of the band, that it is about."""
    values: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    """Figures of its sentence by name, in the unit that the name states, else in SI units; they change with time."""

    @property
    def matter(self) -> tuple[Code, str]:
        """Code and subject: two notices of one matter differ in their figures alone."""
        return self.code, self.subject


def sentence(notice: Notice) -> str:
    """Return the notice in words: what was found, what was expected, and what to do.

    Raises:
        KeyError: A value is missing that the sentence of this code names.
    """
    return _SENTENCES[notice.code].format(subject=notice.subject, **notice.values)


def sentences(notices: Iterable[Notice]) -> list[str]:
    """Return several notices in words."""
    return [sentence(notice) for notice in notices]
