"""A whole simulated session: a person types on one donning of the bands, and out come chunks of samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from messages.signal import EMG2QWERTY, Chunk, Layout
from messages.typed import Keystroke, Prompt
from simulator.activities import Activity
from simulator.donning import don
from simulator.forearm import DRIVE_RATE, Electrodes, Movements, Muscles
from simulator.person import HANDS, Person
from simulator.recording import Amplifier
from simulator.text import prompts, word_prompts
from simulator.typist import type_prompts

LAYOUT = EMG2QWERTY
"""The layout of emg2qwerty's bands."""
_BLOCK = 2.0  # seconds simulated at a time
_SETTLE = 2.0  # seconds of rest before the first and after the last prompt: a receptive field must fit in
_MICROVOLTS = 12.9  # sets the level while typing to the real 10-15 µV rms


def simulate(
    person: Person,
    keystrokes: Sequence[Keystroke],
    donning_seed: int,
    start: float,
    duration: float,
    layout: Layout = LAYOUT,
    activity: Activity | None = None,
) -> Iterator[Chunk]:
    """The session's samples from `start` on, for `duration` s, a block at a time.

    Args:
        person: Who types.
        keystrokes: True presses, in seconds on the same clock as `start`.
        donning_seed: Names this donning of the bands, and all chance within the session.
        start: Seconds: time of the first sample.
        duration: Seconds.
        layout: What the bands look like.
        activity: What else the hands do; None: nothing.

    The same arguments give the same samples.
    """
    donning = don(donning_seed, layout.electrodes)
    rng = np.random.default_rng([person.seed, donning_seed, 3])
    movements = Movements(person, keystrokes, rng, donning.effort)
    muscles = [Muscles(units, rng) for units in person.units]
    electrodes = [
        Electrodes(person, donning, hand, layout.electrodes, layout.rate, _MICROVOLTS) for hand in range(len(HANDS))
    ]
    amplifier = Amplifier(donning, layout.electrodes, layout.rate, rng)
    block, total, done = round(_BLOCK * layout.rate), round(duration * layout.rate), 0
    while done < total:
        drive = movements.between(start + done / layout.rate, round(_BLOCK * DRIVE_RATE))
        if activity is not None:
            drive += activity.between(start + done / layout.rate, drive.shape[-1])
        spikes = [muscle.push(drive[hand], layout.rate) for hand, muscle in enumerate(muscles)]
        skin = np.stack([band.push(s) for band, s in zip(electrodes, spikes, strict=True)], axis=1)
        samples = amplifier.push(skin)[: total - done]
        times = start + (done + np.arange(len(samples))) / layout.rate
        done += block
        yield Chunk(samples, times, layout)


@dataclass(frozen=True, slots=True)
class TypingSession:
    """A simulated session before its samples are made."""

    person: Person
    donning: int
    """Seed of the donning, and of all chance within the session."""
    start: float
    """Seconds: time of the first sample."""
    duration: float
    """Seconds."""
    keystrokes: tuple[Keystroke, ...]
    """True presses."""
    prompts: tuple[Prompt, ...]

    def chunks(self) -> Iterator[Chunk]:
        """The samples (see `simulate`)."""
        return simulate(self.person, self.keystrokes, self.donning, self.start, self.duration)


def typing_session(
    person: Person,
    donning: int,
    paragraphs: Sequence[str],
    seconds: float,
    start: float = 0.0,
    *,
    unrelated: bool = False,
) -> TypingSession:
    """Let a person type for at most `seconds`, beginning anywhere in the text; the donning's seed decides where.

    With `unrelated` the prompts are four words of the text's vocabulary each, as in emg2qwerty, not running text.
    """
    rng = np.random.default_rng([person.seed, donning, 5])
    first = int(rng.integers(len(paragraphs)))
    if unrelated:
        texts = word_prompts(paragraphs, seed=donning)
    else:
        texts = prompts([*paragraphs[first:], *paragraphs[:first]], seed=donning)
    typed, shown = type_prompts(texts, person.typist, rng, start + _SETTLE, start + seconds - _SETTLE)
    end = (shown[-1].end if shown else start) + _SETTLE
    return TypingSession(person, donning, start, end - start, tuple(typed), tuple(shown))
