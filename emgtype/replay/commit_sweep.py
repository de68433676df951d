"""Compare commit rules on the same emissions: CER and keys taken back against the delay from press to text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from adapters.sessions.reader import SessionReader
from decoder.ctc.beam import PrefixBeam
from decoder.ctc.commit import LAG, CommitRule, Committer
from decoder.metrics import CerDifference, CharacterErrors, cer_difference, segment_errors
from emgtype.config import Config
from emgtype.latency import percentiles
from emgtype.models.bundle import Bundle, check_length
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.replay.key_delays import ShownKeys, key_delays
from messages.emission import Emission
from messages.typed import ON_KEYBOARD

LAGS = (0.0, 0.08, 0.16, 0.24, 0.4, 0.8)
"""Lags of the fixed rules, in seconds."""
CONFIDENCES = (0.8, 0.9, 0.95, 0.98, 0.99)
"""Confidences of the adaptive rules, whose lag is that of REFERENCE."""
SHOWN = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8)
"""Posteriors from which the revising rules show a key."""
REFERENCE = f"hold {LAG:g} s"
"""The rule that all others are compared with."""
_SEGMENT = 50
"""Keys of a segment, the unit that the bootstrap draws."""


def rules() -> dict[str, CommitRule]:
    """Return the rules to compare, by name."""
    fixed = {f"hold {lag:g} s": CommitRule("hold", lag) for lag in LAGS}
    adaptive = {f"hold {LAG:g} s or {p:g}": CommitRule("hold", LAG, p) for p in CONFIDENCES}
    revising = {f"revise, show {p:g}": CommitRule("revise", LAG, CONFIDENCES[-1], show_from=p) for p in SHOWN}
    return {**fixed, **adaptive, **revising}


@dataclass(frozen=True, slots=True)
class EncodedSession:
    """A session's emissions, and the keys that were typed in it."""

    emissions: tuple[Emission, ...]
    """The encoder's output, one emission per hop."""
    truth: tuple[int, ...]
    """Labels of the keys typed."""
    presses: tuple[float, ...]
    """Press time of each key in `truth`, in seconds; empty where press times are unknown."""


@dataclass(slots=True)
class Outcome:
    """The errors and delays of a rule over all sessions."""

    segments: list[CharacterErrors] = field(default_factory=list)
    """Errors of each piece of _SEGMENT keys."""
    shown: list[float] = field(default_factory=list)
    """Seconds from press to the surviving version of each rightly decoded key."""
    final: list[float] = field(default_factory=list)
    """Seconds from press to final of each rightly decoded key."""
    erased: int = 0
    """Count of the keys taken back."""

    @property
    def errors(self) -> CharacterErrors:
        """Errors summed over all sessions."""
        return sum(self.segments, CharacterErrors())

    def against(self, other: "Outcome") -> CerDifference:
        """Return the difference of CER, this minus the other, paired by segments."""
        return cer_difference(self.segments, other.segments)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for --json."""
        return {
            "cer": self.errors.cer,
            "retracted": self.erased / max(1, self.errors.target),
            "shown_ms": percentiles(1e3 * np.array(self.shown)),
            "final_ms": percentiles(1e3 * np.array(self.final)),
        }


def encode_session(path: Path, bundle: Bundle, config: Config) -> EncodedSession:
    """Encode a session once, for several decodings.

    Raises:
        InputError: The session does not fit the bundle.
    """
    emissions: list[Emission] = []
    with SessionReader(path) as session:
        bundle.facts.require(session.layout)
        check_length(session, bundle.facts)
        pipeline = assemble(bundle, config, tap=emissions.append, block=OFFLINE)
        for chunk in session.chunks():
            pipeline.push(chunk)
        pipeline.finish()
        truth = session.labels(session.start, session.end)
        known = session.condition == ON_KEYBOARD and bundle.facts.encoder.kind == "streaming"
        presses = [key.start for key in session.keystrokes if key.label is not None] if known else []
    return EncodedSession(tuple(emissions), tuple(truth), tuple(presses))


def sweep(
    sessions: Sequence[EncodedSession],
    beam: Callable[[], PrefixBeam],
    rules: Mapping[str, CommitRule],
    notify: Callable[[str], None] = lambda _name: None,
) -> dict[str, Outcome]:
    """Decode all sessions with each rule.

    Args:
        sessions: From `encode_session`.
        beam: Makes a beam in its first state.
        rules: Commit rules by name.
        notify: Gets the name of each rule before it is tried.
    """
    outcomes: dict[str, Outcome] = {}
    for name, rule in rules.items():
        notify(name)
        outcome = outcomes[name] = Outcome()
        for session in sessions:
            committer, keys = Committer(beam(), rule), ShownKeys()
            for emission in session.emissions:
                for event in committer.push(emission):
                    keys.push(event)
            for event in committer.finish():
                keys.push(event)
            ends = [*range(_SEGMENT, len(session.truth), _SEGMENT), len(session.truth)]
            outcome.segments += segment_errors(keys.labels, session.truth, ends)
            outcome.erased += keys.erased
            if session.presses:
                delays = key_delays(session.presses, session.truth, keys)
                outcome.shown += delays.shown.tolist()
                outcome.final += delays.final.tolist()
    return outcomes


def table(outcomes: Mapping[str, Outcome]) -> Table:
    """Return a table with a row per rule; the differences are to REFERENCE."""
    rows = Table("rule", title="commit rules: final after a lag, or before where the posterior reaches the number")
    for column in ("CER %", f"− {REFERENCE} (95 %)", "press → shown, ms", "press → final, ms", "taken back per key"):
        rows.add_column(column, justify="right")
    for name, outcome in outcomes.items():
        change = outcome.against(outcomes[REFERENCE])
        figures = outcome.as_dict()
        delays = [_median_and_95th(figures[kind]) for kind in ("shown_ms", "final_ms")]
        difference = f"{change.difference:+.2f} ({change.low:+.2f} to {change.high:+.2f})"
        rows.add_row(name, f"{figures['cer']:.2f}", difference, *delays, f"{figures['retracted']:.3f}")
    return rows


def _median_and_95th(spread: Mapping[str, float]) -> str:
    return f"{spread['p50']:.0f} / {spread['p95']:.0f}" if spread else "–"


def plot(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Draw CER against the median delays to shown and to final, and against the keys taken back. Needs matplotlib."""
    # Here, since it is an optional extra.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, 3, figsize=(14, 4.5), sharey=True)
    measures = {
        "press → shown, median ms": "shown_ms",
        "press → final, median ms": "final_ms",
        "taken back per key": "",
    }
    for axis, (label_of_x, kind) in zip(axes, measures.items(), strict=True):
        for label, names in _families(outcomes).items():
            figures = [outcomes[name].as_dict() for name in names]
            x = [each[kind].get("p50", np.nan) if kind else each["retracted"] for each in figures]
            axis.plot(x, [each["cer"] for each in figures], marker="o", label=label)
        axis.set_xlabel(label_of_x)
    axes[0].set_ylabel("CER %")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _families(outcomes: Mapping[str, Outcome]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in outcomes:
        hold = "hold, or by confidence" if " or " in name else "hold, fixed lag"
        names.setdefault("revise" if name.startswith("revise") else hold, []).append(name)
    return names
