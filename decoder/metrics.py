"""Character error rate: counts that sum over sessions, by key too, and the interval of two decoders' difference."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from decoder.ctc.greedy import GreedyDecoder
from messages.emission import Emission
from messages.signal import F32


@dataclass(frozen=True, slots=True)
class CharacterErrors:
    """Fewest edits from the typed keys to the decoded ones; `+` sums sessions, so that the CER is a micro-average.

    Every key counts, ⌫ ⏎ ⇧ and space too: a ⌫ is not applied before scoring.
    """

    insertions: int = 0
    """Keys decoded but not typed."""
    deletions: int = 0
    """Keys typed but not decoded."""
    substitutions: int = 0
    """Keys decoded as other ones."""
    target: int = 0
    """Keys typed."""

    @classmethod
    def between(cls, decoded: Sequence[int], truth: Sequence[int]) -> "CharacterErrors":
        """Count the errors of the decoded labels against the typed ones."""
        counts = {"insert": 0, "delete": 0, "replace": 0}
        for edit in Levenshtein.editops(list(truth), list(decoded)):
            counts[edit.tag] += 1
        return cls(counts["insert"], counts["delete"], counts["replace"], len(truth))

    @classmethod
    def of(cls, confusion: npt.NDArray[np.int64], keys: npt.NDArray[np.bool_] | None = None) -> "CharacterErrors":
        """Return the errors that a confusion matrix counts (see `confusion`).

        Args:
            confusion: (K + 1, K + 1).
            keys: (K,) which keys to count; None: all. A key decoded as another one counts with the one that was typed,
                so the errors of sets of keys that split the alphabet sum to all errors.
        """
        counted = np.ones(len(confusion) - 1, np.bool_) if keys is None else keys
        typed = confusion[:-1][counted]
        right, missed = int(np.diag(confusion)[:-1][counted].sum()), int(typed[:, -1].sum())
        return cls(int(confusion[-1, :-1][counted].sum()), missed, int(typed.sum()) - right - missed, int(typed.sum()))

    def __add__(self, other: "CharacterErrors") -> "CharacterErrors":
        return CharacterErrors(
            self.insertions + other.insertions,
            self.deletions + other.deletions,
            self.substitutions + other.substitutions,
            self.target + other.target,
        )

    @property
    def errors(self) -> int:
        """Number of all edits."""
        return self.insertions + self.deletions + self.substitutions

    @property
    def cer(self) -> float:
        """Character error rate in %; NaN where nothing was typed."""
        return 100 * self.errors / self.target if self.target else float("nan")


def greedy_errors(log_probs: Iterable[F32], truth: Sequence[int]) -> CharacterErrors:
    """Return the errors of greedy decoding of one session.

    Args:
        log_probs: (F, classes) natural log, in consecutive pieces.
        truth: Labels typed.
    """
    decoder = GreedyDecoder()
    # The times of the emissions do not matter here.
    keys = [key for piece in log_probs for key in decoder.push(Emission(piece, np.zeros(len(piece))))]
    return CharacterErrors.between([key.label for key in keys], truth)


def matches(decoded: Sequence[int], truth: Sequence[int]) -> list[tuple[int, int]]:
    """Return (index in truth, index in decoded) of the keys that a path of fewest edits leaves unchanged, in order."""
    blocks = Levenshtein.editops(list(truth), list(decoded)).as_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


def confusion(decoded: Sequence[int], truth: Sequence[int], keys: int) -> npt.NDArray[np.int64]:
    """Count how each typed key was decoded, along a path of fewest edits; matrices of sessions sum to that of all.

    If several paths are as short, one of them is taken, always the same.

    Args:
        decoded: Decoded labels, 0..keys - 1.
        truth: Typed labels.
        keys: Number of keys K.

    Returns:
        (K + 1, K + 1): [typed, decoded]; the last row counts keys that nobody typed, the last column missed keys.
    """
    counts = np.zeros((keys + 1, keys + 1), np.int64)
    edits = Levenshtein.editops(list(truth), list(decoded))
    for edit in edits:
        typed = keys if edit.tag == "insert" else truth[edit.src_pos]
        counts[typed, keys if edit.tag == "delete" else decoded[edit.dest_pos]] += 1
    for block in edits.as_matching_blocks():
        same = truth[block.a : block.a + block.size]
        np.add.at(counts, (same, same), 1)
    return counts


@dataclass(frozen=True, slots=True)
class KeyScore:
    """The score of one key; a share is NaN if there is nothing to divide by."""

    typed: int
    """How often the key was typed."""
    decoded: int
    """How often it was decoded."""
    right: int
    """How often it was typed and decoded at the same place of the alignment."""

    @property
    def precision(self) -> float:
        """Share of the decoded keys that were typed."""
        return self.right / self.decoded if self.decoded else float("nan")

    @property
    def recall(self) -> float:
        """Share of the typed keys that were decoded."""
        return self.right / self.typed if self.typed else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (van Rijsbergen 1979)."""
        total = self.typed + self.decoded
        return 2 * self.right / total if total else float("nan")


def key_scores(confusion: npt.NDArray[np.int64]) -> list[KeyScore]:
    """Return the score of every key of a confusion matrix, in label order."""
    typed, decoded, right = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    return [KeyScore(*map(int, row)) for row in zip(typed[:-1], decoded[:-1], right[:-1], strict=True)]


def segment_errors(decoded: Sequence[int], truth: Sequence[int], ends: Sequence[int]) -> list[CharacterErrors]:
    """Return the errors of each segment (a prompt) of a session; they sum to those of the whole.

    Args:
        decoded: Decoded labels of the whole session.
        truth: Labels typed in it.
        ends: Index in `truth` behind each segment's last key, ascending; the last is len(truth).
    """
    counts = [{"insert": 0, "delete": 0, "replace": 0} for _ in ends]
    for edit in Levenshtein.editops(list(truth), list(decoded)):
        segment = bisect_right(ends, edit.src_pos)
        # Keys decoded after the last typed one count with its segment.
        counts[min(segment, len(ends) - 1)][edit.tag] += 1
    lengths = [end - start for start, end in pairwise([0, *ends])]
    return [
        CharacterErrors(c["insert"], c["delete"], c["replace"], length)
        for c, length in zip(counts, lengths, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class CerDifference:
    """CER of one decoder minus that of another on the same segments, in percentage points."""

    difference: float
    """The difference over all segments."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""

    @property
    def excludes_zero(self) -> bool:
        """Whether chance alone hardly explains the difference."""
        return self.low > 0 or self.high < 0


def cer_difference(
    first: Sequence[CharacterErrors],
    second: Sequence[CharacterErrors],
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> CerDifference:
    """Return the paired bootstrap interval of CER(first) - CER(second) (Bisani and Ney, ICASSP 2004).

    Segments are drawn with replacement, the same for both decoders; each draw gives a difference of micro-averages.

    Args:
        first: Errors per segment (a session, a prompt) of one decoder.
        second: Errors of the other on the same segments in the same order.
        level: Share of the draws that the interval holds.
        resamples: Number of draws.
        seed: Seed of the draws.

    Raises:
        ValueError: The segments do not match, or nothing was typed in them.
    """
    targets = np.array([e.target for e in first], np.float64)
    if [e.target for e in second] != [e.target for e in first] or not targets.sum():
        raise ValueError("both decoders must be scored on the same segments, with at least one key in them")
    excess = np.array([a.errors - b.errors for a, b in zip(first, second, strict=True)], np.float64)
    # How often each segment is drawn is multinomial. A draw without a key has no rate and is left out.
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(targets), np.full(len(targets), 1 / len(targets)), size=resamples).astype(np.float64)
    typed = draws @ targets
    draws, typed = draws[typed > 0], typed[typed > 0]
    low, high = np.quantile(100 * (draws @ excess) / typed, [(1 - level) / 2, (1 + level) / 2])
    return CerDifference(100 * float(excess.sum() / targets.sum()), float(low), float(high))
