"""`emgtype info`: the contents of a bundle or a session, and the LSL streams on the network."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from emgtype.commands._options import json_option, print_json
from messages.errors import InputError


@click.command(epilog="Example: emgtype info demo")
@click.argument("what", metavar="BUNDLE|SESSION|streams")
@json_option
@click.option("--timeout", default=2.0, show_default=True, help="Seconds to look for LSL streams.")
def command(what: str, as_json: bool, timeout: float) -> None:
    """Show what a model bundle or a session file holds, or which LSL streams there are."""
    if what == "streams":
        report = _streams(timeout)
    elif what.endswith((".hdf5", ".h5")) or (Path(what).is_file() and not what.endswith(".onnx")):
        report = _session(Path(what))
    else:
        report = _bundle(what)
    if as_json:
        print_json(report)
    else:
        _show(report)


def _streams(timeout: float) -> dict[str, Any]:
    from adapters.lsl.discover import find_streams

    streams = find_streams(timeout)
    if not streams:
        raise InputError(f"no LSL stream found within {timeout:g} s: start the bands' software, or `emgtype simulate`")
    return {stream.name: str(stream) for stream in streams}


def _session(path: Path) -> dict[str, Any]:
    from adapters.sessions.reader import SessionReader

    with SessionReader(path) as session:
        seconds = session.end - session.start
        keys = len(session.keystrokes)
        return {
            "session": session.name,
            "user": session.user,
            "condition": session.condition,
            "layout": str(session.layout),
            "samples": len(session),
            "seconds": round(seconds, 3),
            "keystrokes": keys,
            "keys per minute": round(60 * keys / seconds, 1) if seconds else 0.0,
            "prompts": len(session.prompts),
        }


def _bundle(name: str) -> dict[str, Any]:
    from emgtype.models.bundle import open_bundle

    bundle = open_bundle(name)
    facts = asdict(bundle.facts)
    facts["decoder"]["classes"] = "".join(bundle.facts.decoder.classes)
    facts["layout"] = str(bundle.facts.layout)
    report: dict[str, Any] = {"folder": str(bundle.folder), **facts}
    if note := bundle.facts.licence_note:
        report["weights"] = note
    if bundle.language_model:
        lm = asdict(bundle.language_model)
        lm["tokens"] = "".join(lm["tokens"])
        report["language model"] = lm
    return report


def _show(report: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in report.items():
        table.add_row(key, "\n".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
    Console(highlight=False).print(table)
