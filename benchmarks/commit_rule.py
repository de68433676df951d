"""Compare the adaptive commit rule with the fixed lag of the same median delay, on peaky and on flat emissions.

For each confidence from which a key is final, the delay from press to final has a median. The fixed lag beside it, in
whole frames, has the same median to within a hop. Peaky and flat emissions are made from key times
(benchmarks.synthetic_emissions); the decoder's settings are tuned for each kind on separate minutes, for the fixed lag.
With --sessions the emissions of the bundle's encoder on recorded sessions are compared too.

    python -m benchmarks.commit_rule --minutes 20
    python -m benchmarks.commit_rule --keys FILE.npz --minutes 60 --sessions runs/demo/held_out*/*.hdf5
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.decoder_against_peers import LIVE, SETTINGS, Bench, tuned
from benchmarks.results import command_line, publish
from benchmarks.synthetic_emissions import (
    FRAME,
    KINDS,
    Keys,
    add_key_options,
    emissions,
    load_keys,
    load_language_model,
    minutes_of,
)
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.ctc.commit import LAG, CommitRule
from decoder.language.flat import FlatScorer
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.places import LM_BINARY
from emgtype.replay.commit_sweep import EncodedSession, Outcome, encode_session, sweep
from messages.charset import BACKSPACE
from messages.emission import Emission

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Posteriors from which a key is final before the longest lag."""
_HOP = 4
"""Frames per emission, as live."""


def encoded_session(keys: Keys, emission: Emission) -> EncodedSession:
    """Return a minute of synthetic emissions as an encoded session."""
    parts = [slice(first, first + _HOP) for first in range(0, len(emission.times), _HOP)]
    hops = tuple(Emission(emission.log_probs[part], emission.times[part]) for part in parts)
    return EncodedSession(hops, tuple(label for label, _ in keys), tuple(at for _, at in keys))


def compare_rules(sessions: Sequence[EncodedSession], beam: Callable[[], PrefixBeam]) -> list[dict[str, Any]]:
    """Return a row for each confidence: the adaptive rule, and the fixed lag of its median delay."""
    adaptive = {f"{p:g}": CommitRule("hold", LAG, p) for p in CONFIDENCES}
    outcomes = sweep(sessions, beam, {"0": CommitRule("hold", 0.0), **adaptive})
    shortest = np.median(outcomes["0"].final)
    lags = {
        name: FRAME * max(0, ceil((np.median(outcomes[name].final) - shortest) / FRAME - 1e-6)) for name in adaptive
    }
    fixed = sweep(sessions, beam, {f"{lag:.3f}": CommitRule("hold", lag) for lag in {*lags.values()}})
    return [_row(name, outcomes[name], lags[name], fixed[f"{lags[name]:.3f}"]) for name in adaptive]


def _row(name: str, ours: Outcome, lag: float, fixed: Outcome) -> dict[str, Any]:
    change = ours.against(fixed)
    return {
        "confidence": float(name),
        "cer": ours.errors.cer,
        "final_ms": ours.as_dict()["final_ms"],
        "lag": lag,
        "fixed_cer": fixed.errors.cer,
        "fixed_final_ms": fixed.as_dict()["final_ms"],
        "points": change.difference,
        "low": change.low,
        "high": change.high,
    }


def table_of(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Return a table with a row per confidence."""
    table = Table("final from", "CER %", "final p50 / p95 ms", "fixed lag, s", "CER %", "p50 / p95 ms", title=title)
    table.add_column("difference (95 %)", justify="right")
    for row in rows:
        delays = [f"{row[kind]['p50']:.0f} / {row[kind]['p95']:.0f}" for kind in ("final_ms", "fixed_final_ms")]
        table.add_row(
            f"{row['confidence']:g}",
            f"{row['cer']:.2f}",
            delays[0],
            f"{row['lag']:.3f}",
            f"{row['fixed_cer']:.2f}",
            delays[1],
            f"{row['points']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})",
        )
    return table


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    add_key_options(parser, minutes=10.0)
    parser.add_argument(
        "--tune", type=int, default=2, help="further minutes, on which the decoder's settings are tuned"
    )
    parser.add_argument("--sessions", nargs="*", type=Path, default=[], help="recorded sessions (HDF5)")
    parser.add_argument("--bundle", default="demo", help="the bundle whose encoder encodes --sessions")
    options = parser.parse_args()
    facts, tables = load_language_model(options.lm)
    rng = np.random.default_rng(options.seed)
    keys = {str(n): k for n, k in enumerate(minutes_of(load_keys(options, options.minutes + options.tune, rng)))}
    truth = {name: [label for label, _ in minute] for name, minute in keys.items()}
    names = tuple(keys)
    parts, figures = list[Table | str](), dict[str, Any]()
    for kind, flat in KINDS.items():
        by_minute = {name: emissions(minute, flat, rng) for name, minute in keys.items()}
        job = tuned(Bench(by_minute, truth, tables, facts, options.lm / LM_BINARY, Path()), LIVE, names[: options.tune])
        # Only another decoder may be missing.
        assert job is not None
        priors = {**facts.priors, BACKSPACE: job.backspace}
        scorer = FlatScorer(tables, replace(facts, weight=job.weight, bonus=job.bonus, priors=priors))
        minutes = [encoded_session(keys[name], by_minute[name]) for name in names[options.tune :]]
        rows = compare_rules(minutes, lambda scorer=scorer: PrefixBeam(BeamSettings(), scorer))  # type: ignore[misc]
        settings = {name: getattr(job, name) for name in SETTINGS}
        count = sum(len(minute.truth) for minute in minutes)
        title = f"{kind} emissions, {count} keys; " + ", ".join(f"{name} {x:g}" for name, x in settings.items())
        parts.append(table_of(title, rows))
        figures[kind] = {"settings": settings, "keys": count, "rules": rows}
    if options.sessions:
        config, bundle = load_config(None, {"bundle": options.bundle}), open_bundle(options.bundle)
        sessions = [encode_session(path, bundle, config) for path in options.sessions]
        lm = scorer_for(bundle, config.decoder.language_model)
        rows = compare_rules(sessions, lambda: beam_for(lm, config.decoder))
        count = sum(len(session.truth) for session in sessions)
        parts.append(table_of(f"{options.bundle}'s encoder, {len(sessions)} sessions, {count} keys", rows))
        figures[options.bundle] = {"keys": count, "rules": rows}
    publish(options, parts, figures)


if __name__ == "__main__":
    main()
