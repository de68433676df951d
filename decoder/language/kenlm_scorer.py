"""KenLM itself as the beam's language model: for bundles without flat tables, and to test the tables against."""

from collections.abc import Iterable

import kenlm
import numpy as np
import numpy.typing as npt

from decoder.language.model import LN10, SENTENCE_END, START, UNKNOWN, Ids, LanguageModelFacts, additions
from messages.charset import KEYS
from messages.errors import InputError
from messages.signal import F64

ROWS = 8_192
"""Language model states kept at once, 11 MB of rows: more made no frame faster."""
_MARGIN = 4096
"""Rows on top of that, for the states that one frame may add."""


class KenlmScorer:
    """KenLM behind integer states, each with a row of scores and a row of next states that fill when they are needed.

    The number of rows is bounded: at `rows` states the scorer is `crowded`, and the beam makes it `keep` the few that
    are in use. Forgotten scores are read from KenLM again, so results do not change.
    """

    def __init__(self, model: kenlm.Model, facts: LanguageModelFacts, rows: int = ROWS) -> None:
        """Wrap an open model that has these facts."""
        self._model = model
        self._weight = facts.weight
        self.prices = self.largest_gain = self._additions = additions(facts)
        self._rows = rows
        self._tokens = [facts.tokens.get(key) for key in KEYS]
        self.silent = np.array([key in facts.silent for key in KEYS])
        self.overflows = 0
        """How often rows were forgotten because there were too many."""
        no_context = kenlm.State()
        model.NullContextWrite(no_context)
        self._unknown = LN10 * model.BaseScore(no_context, UNKNOWN, kenlm.State())
        # Empty arrays, so that memory is taken, and time spent, row by row.
        self._scores = np.empty((rows + _MARGIN, len(KEYS)))
        self._after = np.empty((rows + _MARGIN, len(KEYS)), np.int32)
        self._forget([])

    @property
    def crowded(self) -> bool:
        """Whether there are as many states as there may be rows."""
        return len(self._states) >= self._rows

    def extend(self, states: Ids, labels: npt.NDArray[np.intp]) -> F64:
        """Return (N,) nats: weight · (ln P + prior) + bonus."""
        scores: F64 = self._scores[states, labels]
        missing = np.flatnonzero(np.isnan(scores))
        if missing.size:
            for state, label in zip(states[missing].tolist(), labels[missing].tolist(), strict=True):
                self._scores[state, label] = self._weight * self._read(state, label)[0] + self._additions[label]
            scores = self._scores[states, labels]
        return scores

    def advance(self, states: Ids, labels: npt.NDArray[np.intp]) -> Ids:
        """Return (N,) the states after those keys."""
        after: Ids = self._after[states, labels]
        for missing in np.flatnonzero(after < 0).tolist():
            state, label = int(states[missing]), int(labels[missing])
            after[missing] = self._intern(self._read(state, label)[1])
            self._after[state, label] = after[missing]
        return after

    def end(self, states: Ids) -> F64:
        """Return (N,) nats: weight · ln P(</s>), or 0 at the beginning of a sentence."""
        return np.array([self._weight * self._end(state) if state != START else 0.0 for state in states.tolist()])

    def keep(self, states: Ids) -> Ids:
        """Forget all rows, and all states but these."""
        self.overflows += 1
        remaining, new = np.unique(states[states != START], return_inverse=True)
        self._forget([self._states[state] for state in remaining.tolist()])
        ids = np.zeros(states.shape, np.int32)
        ids[states != START] = new + 1
        return ids

    def _read(self, state: int, label: int) -> tuple[float, kenlm.State]:
        token = self._tokens[label]
        if token is None:
            return (self._unknown if state == START else self._end(state)), self._states[START]
        after = kenlm.State()
        return LN10 * self._model.BaseScore(self._states[state], token, after), after

    def _end(self, state: int) -> float:
        return LN10 * float(self._model.BaseScore(self._states[state], SENTENCE_END, kenlm.State()))

    def _intern(self, state: kenlm.State) -> int:
        """Return the id of a state, a new one with empty rows if it has none."""
        number = self._ids.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
            # Only a beam far wider than usual fills the margin.
            if number == len(self._scores):
                self._scores = np.concatenate([self._scores, np.empty_like(self._scores)])
                self._after = np.concatenate([self._after, np.empty_like(self._after)])
            self._scores[number] = np.nan
            self._after[number] = -1
        return number

    def _forget(self, remaining: Iterable[kenlm.State]) -> None:
        """Begin anew with the start state and these."""
        start = kenlm.State()
        self._model.BeginSentenceWrite(start)
        self._states: list[kenlm.State] = []
        self._ids: dict[kenlm.State, int] = {}
        for state in (start, *remaining):
            self._intern(state)


def open_kenlm(path: str) -> kenlm.Model:
    """Open a KenLM file, binary or ARPA, without output on the terminal.

    Raises:
        InputError: There is no such file, or it is not a KenLM model.
    """
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(path, config)
    except OSError as error:
        reason = "no such file" if "No such file" in str(error) else "not a KenLM model"
        raise InputError(
            f"{path} cannot be loaded as a language model ({reason}); name another, or run `emgtype lm`."
        ) from None


def load_scorer(path: str, facts: LanguageModelFacts) -> KenlmScorer:
    """Open a KenLM model (binary or ARPA).

    Args:
        path: The file.
        facts: Its tokens and weights.

    Raises:
        InputError: The file is not a KenLM model, or not that of these facts.
    """
    model = open_kenlm(path)
    absent = sorted({token for token in facts.tokens.values() if token not in model})
    if absent or model.order != facts.order:
        raise InputError(
            f"{path} is a language model of another alphabet: it has order {model.order} and lacks the tokens "
            f"{absent[:5]}, but its facts say order {facts.order} and {len(facts.tokens)} tokens: put the matching "
            "lm.json beside it."
        )
    return KenlmScorer(model, facts)
