"""`emgtype serve`: the daemon."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from emgtype.commands._options import (
    PATH,
    config_option,
    hot_word_entries,
    hot_word_options,
    precision_option,
    print_json,
)
from emgtype.config import load_config
from emgtype.live.injection import check_flags
from emgtype.live.load import flags_of_each, for_each
from emgtype.live.service import Log, Service

_EXAMPLES = """Example: emgtype serve --device lsl --stream emgtype

Two people: emgtype serve --stream A --person ann --stream B --person bob"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.option(
    "--bundle", "bundles", multiple=True, metavar="NAME|FOLDER", help="Model bundle (default: as configured)."
)
@click.option(
    "--profile", "profiles", multiple=True, metavar="NAME", help="Profile: settings that lie over config.toml."
)
@click.option("--device", type=click.Choice(["lsl"]), default="lsl", show_default=True, help="Where samples come from.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="LSL stream with both bands; once a person.")
@click.option(
    "--bands", multiple=True, nargs=2, metavar="LEFT RIGHT", help="Two LSL streams, one a band; once a person."
)
@click.option("--endpoint", help="ZeroMQ PUB endpoint, e.g. tcp://127.0.0.1:5757 (default: ipc, yours alone).")
@click.option("--control", help="ZeroMQ endpoint for the requests of `emgtype control` (default: ipc, yours alone).")
@click.option("--hop", type=int, help="Frames (8 ms each) per encoder call.")
@precision_option
@hot_word_options
@click.option(
    "--person",
    "persons",
    multiple=True,
    metavar="NAME",
    help="Who types: picks their layer of the bundle, and names the topic.",
)
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Publish only, show no text.")
@click.option("--inject", is_flag=True, help="Type the text into the focused window, once armed (docs/inject.md).")
@click.option("--arm", is_flag=True, help="With --inject: arm it after a moment to click into the window.")
@click.option("--record", type=PATH, metavar="FOLDER", help="Also record the samples in session files there.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="Form of the lines on standard error.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print a report as JSON at the end; implies --quiet.")
def command(
    config_path: Path | None,
    bundles: tuple[str, ...],
    profiles: tuple[str, ...],
    device: str,
    streams: tuple[str, ...],
    bands: tuple[tuple[str, str], ...],
    endpoint: str | None,
    control: str | None,
    hop: int | None,
    precision: str | None,
    hot_words: tuple[str, ...],
    hot_word_file: Path | None,
    persons: tuple[str, ...],
    raw: bool | None,
    quiet: bool,
    inject: bool,
    arm: bool,
    record: Path | None,
    log: str,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Decode live wristbands: show the text and publish it over ZeroMQ until Ctrl-C.

    For several people on one machine give --stream or --bands, and --person, once for each, in the same order;
    --bundle and --profile once for all, or once for each. Each person has a topic, and their personal layer where the
    bundle has one of their name; the text of each is shown behind their name. The stream and the person of the settings
    file are used for a single person only.
    """
    common: dict[str, Any] = {
        "publish.endpoint": endpoint,
        "publish.control": control,
        "pipeline.hop_frames": hop,
        "pipeline.precision": precision,
        "decoder.language_model.hot_words": hot_word_entries(hot_words, hot_word_file),
        "console.raw": raw,
    }
    each = flags_of_each(streams, bands, persons, bundles)
    profile_of_each = for_each("--profile", profiles, len(each))
    configs = [
        load_config(config_path, {**common, **flags}, profile)
        for flags, profile in zip(each, profile_of_each, strict=True)
    ]
    check_flags(configs[0].inject, inject=inject, arm=arm, people=len(configs), requests=True)
    notify = _print_json_line if log == "json" else _printer()
    shown = not (quiet or as_json)
    with Service(configs, profile_of_each, notify, shown=shown, record=record, inject=inject) as service:
        if arm:
            service.arm()
        began = time.monotonic()
        try:
            service.run(seconds)
        finally:
            wall = time.monotonic() - began
            if as_json:
                print_json({"seconds": wall, **service.report()})
            else:
                for sentence in service.sample_counts(wall):
                    notify(sentence, "dim")


def _printer() -> Log:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return lambda sentence, style: console.print(sentence, style=style, markup=False)


def _print_json_line(sentence: str, style: str) -> None:
    """Print a line of JSON, for programs that read logs."""
    level = "warning" if style == "yellow" else "info"
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "said": sentence}
    click.echo(json.dumps(line, ensure_ascii=False), err=True)
