"""`emgtype doctor`: each part that typing needs, tried by itself."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from emgtype.commands._options import (
    config_options,
    json_option,
    print_json,
    profile_option,
    source_flags,
    source_options,
)
from emgtype.config import load_config

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command(epilog="Example: emgtype doctor --stream emgtype")
@source_options
@profile_option
@config_options
@json_option
def command(
    stream: str | None,
    bands: tuple[str, str] | None,
    profile: str | None,
    bundle: str | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Try each part that `emgtype serve` needs; report what is wrong and what to do about it.

    The exit code is 0 where every needed part is well (✓), 1 where one is not (✗). A part that only --inject needs may
    fail (–). No key is pressed.
    """
    config = load_config(config_path, {"bundle": bundle, **source_flags(stream, bands)}, profile)
    from emgtype.live.doctor import DoctorResult, examine

    console, findings = Console(highlight=False, soft_wrap=True), list[DoctorResult]()
    for finding in examine(config):
        findings.append(finding)
        if not as_json:
            mark, colour = _MARKS[finding.well]
            console.print(f"[{colour}]{mark}[/{colour}] [bold]{finding.part}[/bold]: ", end="")
            console.print(finding.says, markup=False)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if any(finding.well is False for finding in findings):
        sys.exit(1)
