"""What `emgtype replay` does instead of replaying a session: a flight, faults, comparisons."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from emgtype.commands.options import given_beside, print_json
from emgtype.commands.train import session_files
from emgtype.config import Config
from emgtype.models.bundle import Bundle
from emgtype.models.decoders import beam_for, scorer_for
from messages.errors import InputError

DECODERS = ("emgtype", "pyctcdecode")
_SETTINGS = ("config_path", "profile", "bundle", "hop", "precision", "person")
_OF_TEXT = ("sessions", *_SETTINGS, "decoder", "as_json")
"""What goes with the second: the others say how keys are decoded, shown or passed on."""
_OF_FLIGHTS = ("sessions", "bundle", "quiet", "as_json")
"""What goes with a flight, whose settings are in it."""
_OF_FAULTS = ("sessions", *_SETTINGS, "fast", "hot_words", "hot_word_file", "lag", "raw", "quiet", "as_json", "faults")
"""What goes with faults."""


def fly(flights: tuple[Path, ...], bundle: str | None, *, quiet: bool, as_json: bool) -> None:
    """Decode a flight again and say whether it is the same; exit code 1: it is not."""
    if strange := given_beside(_OF_FLIGHTS):
        raise InputError(f"a flight is decoded as it was: leave out {', '.join(strange)}")
    if len(flights) > 1:
        raise InputError(f"{len(flights)} files were named: expected one flight")
    from adapters.sessions.flight_file import read_flight
    from emgtype.recording.reproduce import reproduce

    flight = read_flight(flights[0])
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("decoding", total=len(flight.steps))
        found = reproduce(flight, bundle, lambda steps: progress.advance(task, steps))
    if as_json:
        print_json(found.as_dict())
    else:
        console = Console(highlight=False, soft_wrap=True)
        if not quiet:
            console.print(found.text, markup=False)
        console.print(str(found), style="dim", markup=False)
    if found.whole and found.equal_from:
        sys.exit(1)


def with_faults(
    sessions: tuple[Path, ...], faults: str | None, config: Config, *, fast: bool, quiet: bool, as_json: bool
) -> bool:
    """Replay a session with faults; False: none are asked for."""
    if faults is None:
        return False
    if strange := given_beside(_OF_FAULTS):
        raise InputError(f"--faults has the session go through a daemon of its own: leave out {', '.join(strange)}")
    if len(sessions) > 1:
        raise InputError(f"{len(sessions)} sessions were named: expected one with --faults")
    from emgtype.replay.faulty_replay import replay_with_faults

    report = replay_with_faults(sessions[0], faults, config, fast=fast, quiet=quiet, as_json=as_json)
    if as_json:
        print_json(report)
    return True


def only_measured(
    sessions: tuple[Path, ...],
    model: Bundle,
    config: Config,
    decoder: str,
    *,
    commit_sweep: bool,
    picture: Path | None,
    as_json: bool,
) -> bool:
    """What is asked for instead of a replay, done; False: nothing is."""
    if decoder != DECODERS[0]:
        _compare(sessions, model, config, as_json)
    elif commit_sweep:
        _sweep(sessions, model, config, picture, as_json)
    else:
        return False
    return True


def _compare(sessions: tuple[Path, ...], model: Bundle, config: Config, as_json: bool) -> None:
    if strange := given_beside(_OF_TEXT):
        raise InputError(
            f"--decoder {DECODERS[1]} reads the text of whole sentences and compares it: leave out {', '.join(strange)}"
        )
    from emgtype.replay.word_replay import compare, table

    if len(sessions) > 1:
        raise InputError(f"{len(sessions)} sessions were named: expected one with --decoder {DECODERS[1]}")
    report = compare(sessions[0], model, config)
    if as_json:
        print_json(report.as_dict())
        return
    console = Console(highlight=False, soft_wrap=True)
    for sentence in report.sentences:
        console.print(f"{sentence.start - report.start:7.1f} s  {sentence.readings[0].text}", markup=False)
    console.print(table(report))
    console.print(f"{report.signal:.1f} s of signal; word model: {report.word_model or 'none'}", markup=False)


def _sweep(sessions: tuple[Path, ...], model: Bundle, config: Config, picture: Path | None, as_json: bool) -> None:
    from emgtype.replay.commit_sweep import EncodedSession, encode_session, plot, rules, sweep, table

    said = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(transient=True, console=said, disable=as_json) as progress:
        tried, files, recorded = rules(), session_files(sessions), list[EncodedSession]()
        task = progress.add_task("encoding", total=len(files) + len(tried))
        for path in files:
            recorded.append(encode_session(path, model, config))
            progress.advance(task)
        scorer = scorer_for(model, config.decoder)
        outcomes = sweep(
            recorded,
            lambda: beam_for(scorer, config.decoder),
            tried,
            lambda name: progress.update(task, advance=1, description=name),
        )
    if picture:
        plot(outcomes, picture)
    if as_json:
        print_json({name: outcome.as_dict() for name, outcome in outcomes.items()})
    else:
        Console(highlight=False).print(table(outcomes))
