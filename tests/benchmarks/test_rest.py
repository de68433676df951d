"""What benchmarks.rest and benchmarks.commit_rule decode is what the pipeline and the committer decode."""

import numpy as np
import pytest

from benchmarks.commit_rule import compare_rules, encoded_session
from benchmarks.rest import GUARDS, SHIPPED, decode, encode, figures_of, session
from benchmarks.synthetic_emissions import emissions, typed_keys
from decoder.ctc.beam import BeamSettings, PrefixBeam
from decoder.language.model import NoLanguageModel
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import OFFLINE, assemble
from emgtype.replay.key_delays import ShownKeys
from simulator.activities import clenching
from simulator.person import make_person
from simulator.session import simulate


def test_each_way_types_what_a_pipeline_with_its_settings_types_while_fists_are_clenched() -> None:
    bundle = open_bundle("demo")
    chunks = list(simulate(make_person(1), (), 7004, 0.0, 40.0, activity=clenching(40.0, 7004)))
    config = load_config()
    frames, emitted = encode(iter(chunks), bundle, config.pipeline.hop_frames)
    counts = []
    for name, flags in (("nothing", {"gate.enabled": False, "decoder.commit.reject_below": 0.0}), (SHIPPED, {})):
        pipeline, keys = assemble(bundle, load_config(None, flags), block=OFFLINE), ShownKeys()
        for chunk in chunks:
            for event in pipeline.push(chunk):
                keys.push(event)
        for event in pipeline.finish():
            keys.push(event)
        decoded, _, gate = decode(GUARDS[name], frames, emitted, bundle, config)
        assert (decoded.labels, decoded.erased) == (keys.labels, keys.erased)
        counts_of = [each and (each.closed_frames, each.frames) for each in (gate, pipeline.gate)]
        assert counts_of[0] == counts_of[1]
        counts.append(len(keys.labels))
    assert counts[0] > 5 > counts[1]


def test_what_was_typed_is_scored_and_what_was_not_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("benchmarks.rest._SESSION", "benchmarks.rest._TYPED"):
        monkeypatch.setattr(name, 20.0)
    ways = {name: GUARDS[name] for name in ("nothing", SHIPPED)}
    sessions = {kind: [session(kind, 2001, 1, "demo", ways)] for kind in ("mouse", "typing")}
    figures = figures_of(sessions, ways)
    assert figures[SHIPPED]["mouse"]["phantoms"] <= figures["nothing"]["mouse"]["phantoms"]
    assert figures[SHIPPED]["mouse"]["closed"] > 0.8
    assert figures[SHIPPED]["typing"]["closed"] < 0.6
    assert figures["nothing"]["typing"]["points"] == 0
    assert figures[SHIPPED]["typing"]["cer"] < 30


def test_the_fixed_lag_beside_an_adaptive_rule_is_final_as_late_to_within_a_hop() -> None:
    rng = np.random.default_rng(0)
    keys = typed_keys(1.0, rng)
    rows = compare_rules(
        [encoded_session(keys, emissions(keys, False, rng))], lambda: PrefixBeam(BeamSettings(), NoLanguageModel())
    )
    for row in rows:
        assert abs(row["fixed_final_ms"]["p50"] - row["final_ms"]["p50"]) < 32
        assert row["points"] == pytest.approx(row["cer"] - row["fixed_cer"])
