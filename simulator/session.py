"""A simulated session: a person types on one donning of the bands, which gives chunks of samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from messages.signal import EMG2QWERTY, Chunk
from messages.typed import Keystroke, Prompt
from simulator._forearm import DRIVE_RATE, Electrodes, Movements, Muscles
from simulator._recording import Amplifier
from simulator.activities import Activity
from simulator.donning import don
from simulator.person import HANDS, Person
from simulator.text import prompts, word_prompts
from simulator.typist import type_prompts

LAYOUT = EMG2QWERTY
"""The layout of emg2qwerty's bands."""
_BLOCK_S = 2.0
"""Seconds that are simulated at a time."""
_REST_S = 2.0
"""Seconds of rest before the first and after the last prompt: at least a receptive field."""
_MICROVOLTS = 12.9
"""Gain that gives the real level while typing, 10-15 µV rms."""


def simulate(
    person: Person,
    keystrokes: Sequence[Keystroke],
    donning_seed: int,
    start: float,
    duration: float,
    activity: Activity | None = None,
) -> Iterator[Chunk]:
    """Yield the samples of a session, block by block. The same arguments give the same samples.

    Args:
        person: The typing person.
        keystrokes: True presses, in seconds on the same clock as `start`.
        donning_seed: Seed of this donning of the bands, and of all random numbers of the session.
        start: Time of the first sample, in seconds.
        duration: Duration in seconds.
        activity: Activity of the hands besides typing; None: none.
    """
    rate, electrode_count = LAYOUT.rate, LAYOUT.electrodes
    donning = don(donning_seed, electrode_count)
    rng = np.random.default_rng([person.seed, donning_seed, 3])
    movements = Movements(person, keystrokes, rng, donning.effort)
    muscles = [Muscles(units, rng) for units in person.units]
    bands = [Electrodes(person, donning, hand, electrode_count, rate, _MICROVOLTS) for hand in range(len(HANDS))]
    amplifier = Amplifier(donning, electrode_count, rate, rng)
    block, total = round(_BLOCK_S * rate), round(duration * rate)
    for first in range(0, total, block):
        drive = movements.drive_from(start + first / rate, round(_BLOCK_S * DRIVE_RATE))
        if activity is not None:
            drive += activity.drive_from(start + first / rate, drive.shape[-1])
        spikes = [muscle.fire(drive[hand], rate) for hand, muscle in enumerate(muscles)]
        skin = np.stack([band.measure(train) for band, train in zip(bands, spikes, strict=True)], axis=1)
        samples = amplifier.convert(skin)[: total - first]
        yield Chunk(samples, start + (first + np.arange(len(samples))) / rate, LAYOUT)


@dataclass(frozen=True, slots=True)
class TypingSession:
    """The typing of a simulated session, from which its samples are made."""

    person: Person
    donning: int
    """Seed of the donning, and of all random numbers of the session."""
    start: float
    """Time of the first sample, in seconds."""
    duration: float
    """Duration in seconds."""
    keystrokes: tuple[Keystroke, ...]
    """True presses."""
    prompts: tuple[Prompt, ...]

    def chunks(self) -> Iterator[Chunk]:
        """Yield the samples (see `simulate`)."""
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
    """Let a person type for at most `seconds`; the donning's seed chooses the place in the text where they begin.

    Args:
        person: The typing person.
        donning: Seed of the donning, and of all random numbers of the session.
        paragraphs: The text.
        seconds: Longest duration.
        start: Time of the first sample, in seconds.
        unrelated: True: each prompt is four words of the text's vocabulary, as in emg2qwerty; False: running text.
    """
    rng = np.random.default_rng([person.seed, donning, 5])
    first = int(rng.integers(len(paragraphs)))
    if unrelated:
        texts = word_prompts(paragraphs, seed=donning)
    else:
        texts = prompts([*paragraphs[first:], *paragraphs[:first]], seed=donning)
    keystrokes, typed = type_prompts(texts, person.typist, rng, start + _REST_S, start + seconds - _REST_S)
    end = (typed[-1].end if typed else start) + _REST_S
    return TypingSession(person, donning, start, end - start, tuple(keystrokes), tuple(typed))
