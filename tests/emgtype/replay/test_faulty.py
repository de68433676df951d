"""Each fault once through the whole daemon, in virtual time: nothing breaks, nothing is lost untold, all is said."""

import re
from collections.abc import Sequence

import pytest

from emgtype.config import load_config
from emgtype.replay.faulty import FaultyResult, FaultyRun, StreamOptions
from emgtype.replay.key_delays import ShownKeys
from emgtype.texts import load_text
from messages.charset import labels_to_text
from messages.signal import Chunk
from simulator.fault_plan import KINDS, parse_faults
from simulator.person import make_person
from simulator.session import LAYOUT, typing_session
from tests.emgtype.conftest import Run

SAID = {
    "loss@4+2": "samples were missing for up to 200 ms",
    "bursts@4+2": "samples were missing for up to 200 ms",
    "jitter@4+2=0.1": "",
    "duplicate@4+2": "samples came twice",
    "reorder@4+2": "out of order",
    "jump@4+2": "the time stamps stepped to another clock (2 times)",
    "jump@4=-4": "time stamps of stream 'left' are 4.0 s behind",
    "drift@1=800": "",
    "skew@1=0.2": "",
    "skew@1=0.2/right": "the right band's samples come",
    "stall@4+1": "",
    "stall@4+3": "no samples from left and right for 2 s",
    "band@4+3": "no samples from right for 2 s",
    "disconnect@4+3": "no samples from left and right for 2 s",
    "nan@4+0.1": "electrode 0 of the right band sends values that are not numbers",
    "nan@4+2/left": "samples were missing for longer than 200 ms",
    "saturation@2+6=3": "band is clipped",
    "dead@1": "electrodes 0 and 1 of the right band give nothing",
    "hum@1=100": "the left band hums with the mains (50 Hz",
    "slow-disk@2+2": "s recorded",
    "full-disk@4": "No space left on device",
    "slow-subscriber@2+4": "",
}
"""What is told of each; of the others the figures tell."""
FIGURES = {
    "jitter@4+2=0.1": ("jitter_ms", 10.0),
    "drift@1=800": ("rate_ppm", 300.0),
    "skew@1=0.2": ("age_ms", 200.0),
    "stall@4+1": ("stalls", 1.0),
}
"""A figure of the status, and what it grows to at least."""


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """Ten seconds of the demo's person on a donning that nothing was trained on."""
    session = typing_session(make_person(1), 4101, load_text("demo"), 30.0)
    found, seconds = [], 0.0
    for chunk in session.chunks():
        if seconds < 10:
            found.append(chunk)
            seconds += len(chunk.times) / LAYOUT.rate
    return found


def decoded(
    chunks: Sequence[Chunk], faults: str, *, streams: int = 2, numbered: bool = True
) -> tuple[FaultyResult, ShownKeys]:
    keys = ShownKeys()
    plan = parse_faults(faults, LAYOUT) if faults else ()
    with FaultyRun(chunks, plan, load_config(), StreamOptions(streams, numbered=numbered), [keys]) as run:
        return run.run(), keys


@pytest.mark.parametrize("faults", SAID)
def test_the_daemon_goes_on_and_says_what_happened(chunks: list[Chunk], faults: str) -> None:
    outcome, keys = decoded(chunks, faults)
    told = " | ".join(sentence for _, sentence in outcome.said)
    assert SAID[faults] in told
    if faults in FIGURES:
        name, least = FIGURES[faults]
        assert outcome.worst[name] >= least
    total = sum(len(chunk.times) for chunk in chunks)
    if faults.startswith(("loss", "bursts")):
        assert outcome.status["lost"] == outcome.lost
    if "jump" not in faults:  # what is too late counts in the gap of times, too
        missing = outcome.status["stale"] + outcome.lost
        pairs = missing if faults.startswith("band") else missing / 2
        assert total - 0.25 * LAYOUT.rate - pairs <= outcome.status["samples"] <= total
    if faults.startswith("slow-disk"):
        assert outcome.recorded == total
    if faults.startswith("full-disk"):
        assert outcome.recorded == pytest.approx(4 * LAYOUT.rate, abs=LAYOUT.rate / 20)
        assert "No space left" in outcome.status["recording"]["ended"]
    if faults.startswith("slow-subscriber"):
        assert (outcome.missed, outcome.status["overflows"]) == (0, 0)
        assert outcome.messages
        assert outcome.messages > 10
    assert len(keys.final) == len(keys.labels)
    assert outcome.status["state"] == "decoding"


@pytest.mark.slow
def test_a_subscriber_whose_queue_is_full_loses_messages_and_is_told_of() -> None:
    session = typing_session(make_person(1), 4101, load_text("demo"), 30.0)
    outcome, _ = decoded(list(session.chunks()), "slow-subscriber@1+25=1")
    assert any(sentence.startswith("a subscriber did not keep up") for _, sentence in outcome.said)
    assert outcome.status["overflows"]
    assert outcome.missed


def test_every_kind_of_fault_is_among_them() -> None:
    assert {faults.partition("@")[0] for faults in SAID} == set(KINDS)


@pytest.mark.parametrize(("streams", "numbered"), [(1, True), (2, False)])
def test_without_faults_all_is_as_it_was(chunks: list[Chunk], streams: int, numbered: bool) -> None:
    _, expected = decoded(chunks, "")
    outcome, keys = decoded(chunks, "", streams=streams, numbered=numbered)
    assert labels_to_text(keys.labels) == labels_to_text(expected.labels)
    assert len(keys.labels) > 10
    assert outcome.lost == 0
    assert outcome.said == ()


def test_the_command_shows_what_the_daemon_reports(emgtype: Run, session_file: str) -> None:
    done = emgtype("faults", session_file, "disconnect@8+3", "--fast")
    assert done.returncode == 0, done.stderr
    assert "samples again" in done.stderr
    assert re.search(r"\n120\d\d samples were never sent because of the faults", done.stdout)
    refused = emgtype("faults", session_file, "nonsense")
    assert refused.returncode == 2
    assert "'nonsense'" in refused.stderr
