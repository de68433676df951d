"""Score readings: CER by session, user, hand and key, and words per minute."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoder.metrics import CharacterErrors, confusion, matches
from emgtype.evaluation.decoding import Decoded
from emgtype.evaluation.trials import Trial
from messages.charset import KEYS, text_to_labels
from messages.text import render
from simulator.keyboard import TEXTBOOK

HANDS = ("left", "right", "thumb")
_WORD = 5
"""Characters of a "word", by convention of text entry research (Arif and Stuerzlinger 2009)."""
_NAMES = {" ": "space", "⌫": "backspace", "⏎": "enter", "⇧": "shift"}


def key_name(key: str) -> str:
    """Return a key's character, or a word for the keys whose characters would not show in a table or picture."""
    return _NAMES.get(key, key)


@dataclass(frozen=True, slots=True)
class SessionScore:
    """One reading of a session, compared with its truth."""

    user: str
    session: str
    minutes: float
    confusion: npt.NDArray[np.int64]
    """Counts of keys as `decoder.metrics.confusion` returns them."""
    typed_words: float
    """Words of the typed text, after every ⌫."""
    right_words: float
    """Words of the typed text that the decoded text holds."""

    @property
    def errors(self) -> CharacterErrors:
        """The errors of all keys."""
        return CharacterErrors.of(self.confusion)


def score(trial: Trial, decoded: Decoded, reading: str) -> SessionScore:
    """Compare one reading of a session with its truth."""
    truth, keys = text_to_labels(decoded.truth), text_to_labels(decoded.readings[reading])
    typed, read = ([ord(character) for character in render(labels)] for labels in (truth, keys))
    return SessionScore(
        trial.user,
        trial.session,
        decoded.minutes,
        confusion(keys, truth, len(KEYS)),
        len(typed) / _WORD,
        len(matches(read, typed)) / _WORD,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """One reading of many sessions: errors are summed, so that every rate is a micro-average."""

    sessions: tuple[SessionScore, ...]

    def only(self, sessions: Collection[tuple[str, str]]) -> "Result":
        """Return the result over some sessions alone, given by user and name."""
        return Result(tuple(s for s in self.sessions if (s.user, s.session) in sessions))

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Confusion counts summed over all sessions."""
        whole: npt.NDArray[np.int64] = np.sum([s.confusion for s in self.sessions], axis=0)
        return whole

    @property
    def errors(self) -> CharacterErrors:
        """Errors summed over all sessions."""
        return sum((s.errors for s in self.sessions), CharacterErrors())

    @property
    def users(self) -> dict[str, CharacterErrors]:
        """Errors by user, in alphabetical order."""
        sums: defaultdict[str, CharacterErrors] = defaultdict(CharacterErrors)
        for session in self.sessions:
            sums[session.user] += session.errors
        return dict(sorted(sums.items()))

    @property
    def mean_and_sd(self) -> tuple[float, float]:
        """Mean of the users' CER in %, and its population standard deviation, as the published table states them."""
        rates = [errors.cer for errors in self.users.values()]
        return float(np.mean(rates)), float(np.std(rates))

    @property
    def hands(self) -> dict[str, CharacterErrors]:
        """Errors by the hand that touch typing assigns to a key; thumbs apart: either may strike the space bar."""
        whole = self.confusion
        return {
            hand: CharacterErrors.of(whole, np.array([_hand(label) == hand for label in _LABELS])) for hand in HANDS
        }

    @property
    def words_per_minute(self) -> tuple[float, float]:
        """Words typed and words rightly decoded per minute: of the text after every ⌫, rests counted as time."""
        minutes = sum(s.minutes for s in self.sessions)
        return sum(s.typed_words for s in self.sessions) / minutes, sum(s.right_words for s in self.sessions) / minutes


_LABELS = range(len(KEYS))


def _hand(label: int) -> str:
    return "thumb" if TEXTBOOK[label].finger == 0 else TEXTBOOK[label].hand
