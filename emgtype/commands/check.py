"""`emgtype check`: what is wrong with the signal, and corrections for a profile."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.progress import Progress

from adapters.sessions.reader import SessionReader
from emgtype.commands.options import PATH, config_options, json_option, print_json, source_flags, source_options
from emgtype.config import Config, load_config
from emgtype.models.bundle import Bundle, open_bundle
from messages.errors import InputError

if TYPE_CHECKING:
    from emgtype.bands.checking import Findings
    from streamer.conditioning.corrections import Corrections

_EXAMPLES = """Example: emgtype check --stream emgtype

Once, when all is well: emgtype check --stream emgtype --profile me --learn

When the bands sit otherwise: emgtype check --stream emgtype --profile me --fix"""
_SECONDS, _PLACING = 10.0, 32.0  # of a live check: to look, and to learn or place by what is typed meanwhile


@click.command(epilog=_EXAMPLES)
@click.argument("session", type=PATH, required=False)
@config_options
@source_options
@click.option("--profile", metavar="NAME", help="Whose corrections and reference; --learn and --fix write there.")
@click.option("--seconds", type=click.FloatRange(1, 3600), help="How long to look (default: 10; 32 to learn or fix).")
@click.option("--learn", is_flag=True, help="All is well and somebody types: save how the bands sit and how loud.")
@click.option("--fix", is_flag=True, help="Somebody types: find roll, mirror and gain, and save them.")
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
    """Look at the signal of live wristbands, or of a SESSION, and say what is wrong with it.

    The exit code is 0 where all is well, 1 where something is not (docs/signal.md). With --fix the bands' places are
    found by the profile's reference; without one by the model, to within an electrode or two, and better in a session
    whose keys are known.
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
    known = profile if path and (path.is_file() or not (learn or fix)) else None  # a new one is made by these two
    config = load_config(config_path, {"bundle": bundle, **source_flags(stream, bands)}, known)
    model = open_bundle(config.bundle)
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    wanted = seconds or (_PLACING if learn or fix else _SECONDS)
    findings = _look(said, session, config, known, model, wanted, quiet=as_json)
    report, left = findings.as_dict(), findings.faults
    if not as_json:
        _show(findings)
    if path and (learn or fix):
        for sentence in _learn(findings, path) if learn else _fix(said, findings, config, model, path, session):
            said.print(f"{path.stem}: {sentence}", style="dim", markup=False)
        report["written"] = str(path)
        left = tuple(fault for fault in left if not (fix and fault.code in MENDED))
    if as_json:
        print_json(report)
    if left:
        sys.exit(1)


def _look(
    said: Console,
    session: Path | None,
    config: Config,
    known: str | None,
    model: Bundle,
    seconds: float,
    *,
    quiet: bool,
) -> "Findings":
    from emgtype.bands.checking import Check, table
    from emgtype.bands.signal_report import watch_for

    layout = model.facts.layout
    check = Check(watch_for(config, known, layout), layout)
    with ExitStack() as stack:
        if session:
            recorded = stack.enter_context(SessionReader(session))
            model.facts.require(recorded.layout)
            progress = stack.enter_context(Progress(transient=True, console=said, disable=quiet))
            task = progress.add_task("checking", total=len(recorded))
            for chunk in recorded.chunks():
                check.push(chunk)
                progress.advance(task, len(chunk.times))
        else:
            from adapters.lsl.source import open_sources
            from emgtype.live.newest import newest

            live = None if quiet else stack.enter_context(Live(console=said, transient=True, auto_refresh=False))
            wanted = [(config.source.names, layout)]
            source = stack.enter_context(open_sources(wanted, config.source.timeout)[0])
            for chunk in newest(source, seconds):
                check.push(chunk)
                if live:
                    live.update(table(check.findings()), refresh=True)
    findings = check.findings()
    if findings.last is None:
        raise InputError("no sample came: switch the bands on, or name another stream")
    return findings


def _learn(findings: "Findings", path: Path) -> list[str]:
    from emgtype.bands.checking import learn
    from emgtype.bands.profile_file import write_corrections, write_reference
    from streamer.conditioning.corrections import Corrections

    reference = learn(findings)
    if not path.is_file():
        write_corrections(path, Corrections())
    write_reference(path, reference, findings.layout)
    return [f"learnt from {findings.seconds:.0f} s; `emgtype check --fix` goes by it"]


def _fix(
    said: Console, findings: "Findings", config: Config, model: Bundle, path: Path, session: Path | None
) -> list[str]:
    from emgtype.bands.checking import by_reference, changes
    from emgtype.bands.profile_file import read_reference, write_corrections

    reference = read_reference(path, findings.layout)
    if reference is None:
        after = _by_model(said, findings, config, model, session)
    else:
        after = by_reference(findings, reference, config.conditioner)
    write_corrections(path, after)
    return changes(config.conditioner, after, findings.layout) or ["the bands sit as they should: nothing changed"]


def _by_model(
    said: Console, findings: "Findings", config: Config, model: Bundle, session: Path | None
) -> "Corrections":
    from emgtype.bands.checking import by_model
    from emgtype.bands.placing import steps

    labels: list[int] = []
    if session and findings.last is not None:
        with SessionReader(session) as recorded:
            heard_from = float(findings.last.times[0]) + model.facts.receptive_field_samples / model.facts.layout.rate
            labels = recorded.labels(heard_from, recorded.end)
    said.print(
        "no reference: the places are what the model makes of them, to within an electrode or two"
        + ("" if labels else "; with a session whose keys are known it is surer"),
        style="yellow",
    )
    with Progress(transient=True, console=said) as progress:
        task = progress.add_task("placing", total=steps(findings.layout.bands, findings.layout.electrodes))
        return by_model(findings, model, labels, config.conditioner, lambda: progress.advance(task))


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
