"""CTC prefix beam search with a language model that understands ⌫.

Prefix search: Graves et al., ICML 2006, and Hannun et al., arXiv 1408.2873; n-gram shallow fusion and the treatment of
⌫ after emg2qwerty's reference decoder (Sivakumar et al. 2024). Per prefix the log-probability of all alignments that
end in a blank and of those that end in its last key; prefixes reached in several ways merge by log-sum-exp.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoder.arena import BOTTOM, Arena
from decoder.charset import BACKSPACE, BLANK, LABELS
from decoder.errors import InputError
from decoder.lm import START, LanguageScorer
from decoder.messages import Emission, Hypothesis, Key

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

UNDO_DEPTH = 64
"""Final keys whose LM states stay, so that a later ⌫ unwinds them; deeper ones fall back to the start state."""


@dataclass(frozen=True, slots=True)
class BeamSettings:
    """Width and pruning. The thresholds are those that changed no output against the exhaustive search."""

    beam: int = 50
    """Prefixes kept per frame."""
    labels: int = 10
    """Best labels of a frame that are looked at, the blank included."""
    threshold: float = 15.0
    """Nats below the best at which a prefix is dropped."""
    floor: float = -7.0
    """Log-probability at and below which a label is not looked at."""


class PrefixBeam:
    """Emissions in, ranked prefixes out; every frame is processed by itself, so cuts cannot matter."""

    def __init__(
        self, settings: BeamSettings, scorer: LanguageScorer, blank: int = BLANK, backspace: int = LABELS[BACKSPACE]
    ) -> None:
        """The labels are 0..blank, the blank last; `backspace` is -1 where there is none."""
        self._settings = settings
        self._scorer = scorer
        self._blank = blank
        self._backspace = backspace
        self._scored = ~scorer.silent
        if backspace >= 0:
            self._scored[backspace] = False
        self._most = np.where(self._scored, scorer.most, 0.0)
        self._column = np.full(blank + 1, -1)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._arena = Arena(self._blank)
        self._nodes = np.array([BOTTOM])
        self._arena.hold([BOTTOM])
        self._in_blank = np.zeros(1)  # relative to _offset, so that days of frames do not eat the precision
        self._in_key = np.full(1, -np.inf)
        self._offset = 0.0
        self._end = np.zeros(1)
        self._oldest = np.inf
        self._keys: tuple[Key, ...] | None = None

    @property
    def size(self) -> int:
        """Nodes held in memory: bounded where `cut` is called."""
        return len(self._arena)

    def push(self, emission: Emission) -> None:
        """Take in frames; raises InputError where they are not log-probabilities over the classes."""
        rows = emission.log_probs.astype(np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._blank + 1 or not (rows.max(axis=1) > -np.inf).all():
            raise InputError(
                f"Emissions of shape {rows.shape}, or with NaN, came; expected natural-log probabilities of shape "
                f"(frames, {self._blank + 1}): decode what an encoder of this alphabet gave."
            )
        floor = self._settings.floor
        quiet = (rows[:, : self._blank].max(axis=1) <= floor) & (rows[:, self._blank] > floor)
        for row, time, only_blank in zip(rows, emission.times.tolist(), quiet.tolist(), strict=True):
            if only_blank:
                self._rest(float(row[self._blank]))
            else:
                self._step(row, time)

    def best(self) -> Hypothesis:
        """The first of the ranking."""
        return self._hypothesis(int(np.argmax(self._totals())))

    def nbest(self, count: int) -> list[Hypothesis]:
        """The first `count` of the ranking, best first."""
        return [self._hypothesis(i) for i in np.argsort(-self._totals(), kind="stable")[:count].tolist()]

    def keys(self) -> tuple[Key, ...]:
        """Keys of the best hypothesis; confidence: posterior, among the beam's prefixes, of the text up to that key."""
        if self._keys is None:
            arena, totals = self._arena, self._totals()
            best = int(np.argmax(totals))
            weights = np.exp(totals - totals[best])
            chain = arena.chain(int(self._nodes[best]))
            # Weight of the prefixes that part from the best one behind each of its keys (before the first: left out).
            parting = np.bincount(arena.through(chain, self._nodes) + 1, weights, len(chain) + 1)[1:]
            posterior = np.minimum(np.cumsum(parting[::-1])[::-1] / weights.sum(), 1.0)
            labels, times = arena.label[chain].tolist(), arena.times(chain).tolist()
            self._keys = tuple(map(Key, labels, times, posterior.tolist()))
        return self._keys

    def finish(self) -> None:
        """The text ends here: rank with what the language model says to that. A further push takes it back."""
        arena = self._arena
        self._end = self._scorer.end(arena.state[arena.path[self._nodes]])
        self._keys = None

    def cut(self, horizon: float, patience: float = 0.0) -> tuple[Key, ...]:
        """Make final what the best hypothesis holds up to a time, and cut the tree there.

        Prefixes that do not hold these keys are dropped; those that hold more keys up to then, a little later.

        Args:
            horizon: Seconds.
            patience: Seconds that a key which the best does not hold may be older than the horizon.

        Returns:
            The keys that became final; `best` goes on behind them.
        """
        if self._oldest > horizon:  # no prefix has a key that old
            return ()
        arena = self._arena
        final = tuple(key for key in self.keys() if key.time <= horizon)
        if final:
            root = arena.chain(int(self._nodes[np.argmax(self._totals())]))[len(final) - 1]
            self._keep(arena.through([root], self._nodes) >= 0)
            arena.plant(root, UNDO_DEPTH)
        old = arena.older_than(horizon - patience)
        if len(old):
            self._keep(arena.through(old, self._nodes) < 0)
        if final or len(old):
            self._oldest = arena.oldest()
            self._keys = None
        return final

    def _rest(self, blank: float) -> None:
        """A frame in which nothing but the blank is possible: no prefix changes its rank."""
        if self._end.any():
            self._end = np.zeros(len(self._nodes))
            self._keys = None
        if self._in_key.max() > -np.inf:
            self._in_blank = np.logaddexp(self._in_blank, self._in_key)
            self._in_key = np.full(len(self._nodes), -np.inf)
        self._offset += blank

    def _step(self, row: Floats, time: float) -> None:
        """One frame: prefixes stay or grow by one key; the best survive."""
        if self._scorer.crowded:
            self._tidy()
        arena, settings, nodes = self._arena, self._settings, self._nodes
        keys, in_blank, in_key, grown = self._hear(row, time)
        path = arena.path[nodes]
        lm = arena.lm[path]
        stay = np.logaddexp(in_blank, in_key)
        stay_total = stay + lm
        bar = stay_total.max() - settings.threshold
        if len(nodes) == settings.beam:
            bar = max(bar, stay_total.min())
        rows, keys, acoustic, gain = self._candidates(grown, keys, path, lm, bar)

        totals = np.concatenate([stay_total, acoustic + lm[rows] + gain])
        chosen = np.flatnonzero((totals > -np.inf) & (totals >= totals.max() - settings.threshold))
        if len(chosen) > settings.beam:
            cut = len(chosen) - settings.beam
            chosen = chosen[np.sort(np.argpartition(totals[chosen], cut)[cut:])]
        stays = chosen[chosen < len(nodes)]
        born = chosen[len(stays) :] - len(nodes)
        children = self._grow(nodes[rows[born]], keys[born], gain[born], time)
        if len(stays) < len(nodes):
            gone = np.ones(len(nodes), np.bool_)
            gone[stays] = False
            arena.release(nodes[gone].tolist())
        self._nodes = np.concatenate([nodes[stays], children])
        top = max(stay[stays].max(initial=-np.inf), acoustic[born].max(initial=-np.inf))
        self._in_blank = np.concatenate([in_blank[stays], np.full(len(born), -np.inf)]) - top
        self._in_key = np.concatenate([in_key[stays], acoustic[born]]) - top
        self._offset += top
        self._end = np.zeros(len(self._nodes))
        self._oldest = arena.oldest()
        self._keys = None

    def _hear(self, row: Floats, time: float) -> tuple[Indices, Floats, Floats, Floats]:
        """The acoustic part of a frame.

        Returns:
            keys (K,) looked at; then, after the frame, alignments per prefix (P,) that end in a blank, (P,) that end in
            its last key, and (P, K) of the prefix grown by a key: -inf where that is in the beam (merged there).
        """
        arena, nodes = self._arena, self._nodes
        labels = self._labels(row)
        keys = labels[labels != self._blank]
        last = arena.label[nodes]
        self._column[keys] = np.arange(len(keys))
        again = self._column[last]  # (P,) column of the prefix's last key, -1 where it was not heard
        self._column[keys] = -1

        # A prefix stays by a blank, or by its last key again.
        before = np.logaddexp(self._in_blank, self._in_key)
        in_blank = before + (row[self._blank] if len(keys) < len(labels) else -np.inf)
        in_key = np.where(again >= 0, self._in_key + row[last], -np.inf)

        # It grows by a key; where that repeats the last one, a blank must lie between.
        grown = before[:, None] + row[keys]
        repeats = np.flatnonzero(again >= 0)
        grown[repeats, again[repeats]] = self._in_blank[repeats] + row[last[repeats]]

        # What it grows to may be in the beam already.
        arena.slot[nodes] = np.arange(len(nodes))
        parent = arena.slot[arena.parent[nodes]]
        arena.slot[nodes] = -1
        known = repeats[parent[repeats] >= 0]
        merged = grown[parent[known], again[known]]
        grown[parent[known], again[known]] = -np.inf
        likelier = merged > np.logaddexp(in_blank[known], in_key[known])
        arena.time[nodes[known[likelier]]] = time
        in_key[known] = np.logaddexp(in_key[known], merged)
        return keys, in_blank, in_key, grown

    def _labels(self, row: Floats) -> Indices:
        labels = np.flatnonzero(row > self._settings.floor)
        if not labels.size:
            return np.array([np.argmax(row)])
        if labels.size > self._settings.labels:
            labels = labels[np.argsort(-row[labels], kind="stable")[: self._settings.labels]]
        return labels

    def _candidates(
        self, grown: Floats, keys: Indices, path: npt.NDArray[np.int32], lm: Floats, bar: float
    ) -> tuple[Indices, Indices, Floats, Floats]:
        """Grown prefixes that can reach `bar`: row, key, acoustic score, and what the key gains in the LM."""
        arena = self._arena
        undone = arena.lm[arena.below[path]] - lm
        hope = grown + (lm[:, None] + self._most[keys])
        hope[:, keys == self._backspace] += undone[:, None]
        rows, columns = np.nonzero(hope > bar)
        keys = keys[columns]
        gain = np.where(keys == self._backspace, undone[rows], 0.0)
        scored = np.flatnonzero(self._scored[keys])
        if scored.size:
            gain[scored] = self._scorer.extend(arena.state[path[rows[scored]]], keys[scored])
        return rows, keys, grown[rows, columns], gain

    def _grow(self, parents: Indices, keys: Indices, gain: Floats, time: float) -> Indices:
        """The nodes of prefixes that enter the beam, with what the LM sees at each."""
        arena = self._arena
        nodes = np.array(arena.children(parents.tolist(), keys.tolist()), np.intp)
        path = arena.path[parents]
        arena.time[nodes] = time
        arena.state[nodes] = START
        arena.path[nodes] = np.where(keys == self._backspace, arena.below[path], path)
        scored = self._scored[keys]
        new, under = nodes[scored], path[scored]
        arena.path[new] = new
        arena.below[new] = under
        arena.lm[new] = arena.lm[under] + gain[scored]
        arena.state[new] = self._scorer.advance(arena.state[under], keys[scored])
        return nodes

    def _totals(self) -> Floats:
        arena = self._arena
        totals: Floats = np.logaddexp(self._in_blank, self._in_key) + arena.lm[arena.path[self._nodes]] + self._end
        return totals

    def _hypothesis(self, position: int) -> Hypothesis:
        arena = self._arena
        node = int(self._nodes[position])
        chain = arena.chain(node)
        acoustic = float(np.logaddexp(self._in_blank[position], self._in_key[position])) + self._offset
        lm = float(arena.lm[arena.path[node]] + self._end[position])
        labels, times = arena.label[chain].tolist(), arena.times(chain).tolist()
        return Hypothesis(tuple(labels), tuple(times), acoustic, lm, acoustic + lm)

    def _keep(self, mask: npt.NDArray[np.bool_]) -> None:
        self._arena.release(self._nodes[~mask].tolist())
        self._nodes, self._end = self._nodes[mask], self._end[mask]
        self._in_blank, self._in_key = self._in_blank[mask], self._in_key[mask]

    def _tidy(self) -> None:
        """Let the scorer forget the states of prefixes that are gone."""
        alive = self._arena.alive()
        self._arena.state[alive] = self._scorer.keep(self._arena.state[alive])
