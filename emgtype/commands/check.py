"""`emgtype check`: faults of the signal, and corrections for a profile."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.progress import Progress

from adapters.sessions.reader import SessionReader
from emgtype.commands._options import PATH, config_options, json_option, print_json, source_flags, source_options
from emgtype.config import Config, load_config
from emgtype.models.bundle import Bundle, open_bundle
from messages.errors import InputError
from messages.signal import Layout

if TYPE_CHECKING:
    from emgtype.bands.checking import Check, Findings
    from streamer.conditioning.corrections import Corrections

_EXAMPLES = """Example: emgtype check --stream emgtype

Once, when all is well: emgtype check --stream emgtype --profile me --learn

When the bands sit otherwise: emgtype check --stream emgtype --profile me --fix"""
_LOOK_S, _PLACE_S = 10.0, 32.0
"""Seconds of a live check: to look, and to learn or place by keys that are typed meanwhile."""


@click.command(epilog=_EXAMPLES)
@click.argument("session", type=PATH, required=False)
@config_options
@source_options
@click.option("--profile", metavar="NAME", help="Profile with corrections and reference; --learn and --fix write it.")
@click.option("--seconds", type=click.FloatRange(1, 3600), help="Length of a live check (10; 32 to learn or fix).")
@click.option(
    "--learn",
    is_flag=True,
    help="While all is well and the wearer types: save the bands' places and levels.",
)
@click.option("--fix", is_flag=True, help="While the wearer types: find roll, mirror and gain, and save them.")
@json_option
def command(
    session: Path | None,
    config_path: Path | None,
    bundle: str | None,
    stream: str | None,
    bands: tuple[str, str] | None,
    profile: str | None,
    seconds: float | None,
    learn: bool,
    fix: bool,
    as_json: bool,
) -> None:
    """Look at the signal of live wristbands, or of a SESSION, and report its faults.

    The exit code is 0 where there is no fault, 1 where there is one (docs/signal.md). With --fix the bands' places are
    found by the profile's reference. Without a reference they are found by the model, to within an electrode or two,
    and more surely in a session whose keys are known.
    """
    from emgtype.bands.checking import MENDED
    from emgtype.bands.profile_file import profile_path

    if session and (stream or bands):
        raise InputError("a SESSION and a live stream were named: choose one")
    if learn and fix:
        raise InputError("--learn and --fix are both given: fix first, see that the text is right, then learn")
    if (learn or fix) and not profile:
        raise InputError("--learn and --fix write into a profile: add --profile NAME")
    path = profile_path(profile) if profile else None
    # --learn and --fix make a profile that is not there yet.
    existing = profile if path and (path.is_file() or not (learn or fix)) else None
    config = load_config(config_path, {"bundle": bundle, **source_flags(stream, bands)}, existing)
    subject = _Subject(session, config, existing, open_bundle(config.bundle))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    findings = _look(subject, seconds or (_PLACE_S if learn or fix else _LOOK_S), console, quiet=as_json)
    report, faults = findings.as_dict(), findings.faults
    if not as_json:
        _show(findings)
    if path and (learn or fix):
        for sentence in _learn(findings, path) if learn else _fix(subject, findings, path, console):
            console.print(f"{path.stem}: {sentence}", style="dim", markup=False)
        report["written"] = str(path)
        faults = tuple(fault for fault in faults if not (fix and fault.code in MENDED))
    if as_json:
        print_json(report)
    if faults:
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Subject:
    """The signal that is checked, and the settings it is checked with."""

    session: Path | None
    """None: live streams."""
    config: Config
    profile: str | None
    model: Bundle


def _look(subject: _Subject, seconds: float, console: Console, *, quiet: bool) -> "Findings":
    """Check a whole session, or live streams for some seconds."""
    from emgtype.bands.checking import Check
    from emgtype.bands.signal_report import watch_for

    layout = subject.model.facts.layout
    check = Check(watch_for(subject.config, subject.profile, layout), layout)
    if subject.session:
        _push_session(check, subject.session, subject.model, console, quiet=quiet)
    else:
        _push_live(check, subject.config, layout, seconds, None if quiet else console)
    findings = check.findings()
    if findings.last is None:
        raise InputError("no sample came: switch the bands on, or name another stream")
    return findings


def _push_session(check: "Check", path: Path, model: Bundle, console: Console, *, quiet: bool) -> None:
    with SessionReader(path) as session, Progress(transient=True, console=console, disable=quiet) as progress:
        model.facts.require(session.layout)
        task = progress.add_task("checking", total=len(session))
        for chunk in session.chunks():
            check.push(chunk)
            progress.advance(task, len(chunk.times))


def _push_live(check: "Check", config: Config, layout: Layout, seconds: float, console: Console | None) -> None:
    """Check live streams; the findings so far are shown on a console, if there is one."""
    from adapters.lsl.source import open_sources
    from emgtype.bands.checking import table
    from emgtype.live.newest import newest

    with ExitStack() as stack:
        live = stack.enter_context(Live(console=console, transient=True, auto_refresh=False)) if console else None
        source = stack.enter_context(open_sources([(config.source.names, layout)], config.source.timeout_s)[0])
        for chunk in newest(source, seconds):
            check.push(chunk)
            if live:
                live.update(table(check.findings()), refresh=True)


def _learn(findings: "Findings", path: Path) -> list[str]:
    from emgtype.bands.checking import learn
    from emgtype.bands.profile_file import write_corrections, write_reference
    from streamer.conditioning.corrections import Corrections

    reference = learn(findings)
    if not path.is_file():
        write_corrections(path, Corrections())
    write_reference(path, reference, findings.layout)
    return [f"learnt from {findings.seconds:.0f} s; `emgtype check --fix` goes by it"]


def _fix(subject: _Subject, findings: "Findings", path: Path, console: Console) -> list[str]:
    from emgtype.bands.checking import by_reference, changes
    from emgtype.bands.profile_file import read_reference, write_corrections

    before = subject.config.conditioner
    reference = read_reference(path, findings.layout)
    after = by_reference(findings, reference, before) if reference else _by_model(subject, findings, console)
    write_corrections(path, after)
    return changes(before, after, findings.layout) or ["the bands sit as they should: nothing changed"]


def _by_model(subject: _Subject, findings: "Findings", console: Console) -> "Corrections":
    from emgtype.bands.checking import by_model
    from emgtype.bands.placing import steps

    model, labels = subject.model, list[int]()
    if subject.session and findings.last is not None:
        with SessionReader(subject.session) as session:
            first = float(findings.last.times[0]) + model.facts.receptive_field_samples / model.facts.layout.rate
            labels = session.labels(first, session.end)
    console.print(
        "no reference: the model places the bands, to within an electrode or two"
        + ("" if labels else "; a session whose keys are known makes that surer"),
        style="yellow",
    )
    with Progress(transient=True, console=console) as progress:
        task = progress.add_task("placing", total=steps(findings.layout.bands, findings.layout.electrodes))
        return by_model(findings, model, labels, subject.config.conditioner, lambda: progress.advance(task))


def _show(findings: "Findings") -> None:
    from emgtype.bands.checking import describe_fits, table

    console = Console(highlight=False, soft_wrap=True)
    console.print(table(findings))
    for sentence in describe_fits(findings.watch.fits, findings.layout):
        console.print(sentence)
    for sentence in findings.past_faults():
        console.print(f"for a while: {sentence}", markup=False)
    if not findings.faults:
        console.print("nothing is wrong", style="green")
