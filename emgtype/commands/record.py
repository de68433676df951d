"""`emgtype record`: live wristbands into a session file."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from emgtype.commands._options import PATH, config_option, json_option, print_json, source_flags, source_options
from emgtype.config import load_config

_EXAMPLES = """Example: emgtype record --stream emgtype --user 00000042 --out sessions/ --prompts lines.txt"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.option("--device", type=click.Choice(["lsl"]), default="lsl", show_default=True, help="Where samples come from.")
@source_options
@click.option("--user", required=True, metavar="ID", help="Who wears the bands: data sets expect eight digits.")
@click.option("--out", type=PATH, default=Path(), help="New session file, or the folder for one (default: here).")
@click.option("--minutes", type=click.FloatRange(0.01), help="End after so many minutes.")
@click.option("--prompts", "prompt_file", type=PATH, help="Text to show, a line at a time: it is stored as the truth.")
@click.option("--wpm", type=click.FloatRange(1, 200), help="With --prompts: the next comes by itself, at this speed.")
@click.option("--keys", is_flag=True, help="Record every key pressed on this desktop, as the truth; asks first.")
@click.option("--yes", is_flag=True, help="With --keys: do not ask; the wearer has agreed.")
@json_option
def command(
    config_path: Path | None,
    device: str,
    stream: str | None,
    bands: tuple[str, str] | None,
    user: str,
    out: Path,
    minutes: float | None,
    prompt_file: Path | None,
    wpm: float | None,
    keys: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Record live wristbands into a session file, which holds all but the last moment however the recording ends.

    The truth is, with --keys, every key pressed on the keyboard in front of the wearer; otherwise the prompts, which
    the wearer types on any surface and ends with Enter. Enter or space in this terminal shows the next prompt (Enter
    alone with --keys). Ctrl-C ends the recording.
    """
    from emgtype.recording.record_session import RecordOptions, record

    wanted = RecordOptions(user, out, minutes, prompt_file, wpm, keys)
    wanted.check(yes=yes)
    source = load_config(config_path, source_flags(stream, bands)).source
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if keys and not yes:
        console.print(
            "Every key that is pressed in any program of this desktop will be written to the recording, passwords "
            "included, with its time, until the recording ends. Readable by you alone.",
            style="yellow",
        )
        if not click.confirm("Does the wearer agree?", err=True):
            raise click.Abort
    with ExitStack() as stack:
        report = record(stack, wanted, source, console, shown=not as_json and sys.stderr.isatty())
    if as_json:
        print_json(report)
