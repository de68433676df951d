"""`emgtype serve`: the daemon."""

import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adapters.console import ConsoleSink
from adapters.lsl_inlet import open_bands, open_stream
from adapters.publisher import open_publisher
from emgtype.assembly import assemble, open_bundle
from emgtype.commands.options import config_options, precision_option, print_json
from emgtype.config import load_config
from emgtype.daemon import Daemon, Sink
from emgtype.latency import StageTimer


@click.command(epilog="Example: emgtype serve --device lsl --stream emgtype")
@config_options
@click.option("--device", type=click.Choice(["lsl"]), default="lsl", show_default=True, help="Where samples come from.")
@click.option("--stream", metavar="NAME", help="LSL stream with both bands.")
@click.option("--bands", nargs=2, metavar="LEFT RIGHT", help="Two LSL streams, one a band.")
@click.option("--endpoint", help="ZeroMQ PUB endpoint, e.g. tcp://127.0.0.1:5757 (default: ipc, yours alone).")
@click.option("--hop", type=int, help="Frames (8 ms each) per encoder call.")
@precision_option
@click.option("--person", metavar="NAME", help="Who types: picks their layer of the bundle, and names the topic.")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Publish only, show no text.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print a report as JSON at the end; implies --quiet.")
def command(
    config_path: Path | None,
    bundle: str | None,
    device: str,
    stream: str | None,
    bands: tuple[str, str] | None,
    endpoint: str | None,
    hop: int | None,
    precision: str | None,
    person: str | None,
    raw: bool | None,
    quiet: bool,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Decode live wristbands: show the text and publish it over ZeroMQ until Ctrl-C."""
    flags: dict[str, Any] = {
        "bundle": bundle,
        "source.stream": stream,
        "source.bands": bands or ([] if stream else None),
        "publish.endpoint": endpoint,
        "pipeline.hop": hop,
        "pipeline.precision": precision,
        "pipeline.person": person,
        "person": person,
        "console.raw": raw,
    }
    config = load_config(config_path, flags)
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    model = open_bundle(config.bundle, config.pipeline.precision)
    model.facts.require_streaming()
    timer = StageTimer()
    pipeline = assemble(model, config, observer=timer)
    # The endpoint first: a port in use should be told before seconds are spent on looking for streams.
    with open_publisher(config.publish.endpoint or None, config.session, config.person) as publisher:
        layout = model.facts.layout
        source = (
            open_bands(config.source.bands, layout, config.source.timeout)
            if config.source.bands
            else open_stream(config.source.stream, layout, config.source.timeout)
        )
        with source:
            for note in source.notes:
                said.print(f"note: {note}", style="yellow")
            said.print(f"{source.description} → {model.facts.name} → {publisher.endpoint}", style="dim")
            if limit := model.facts.licence_note:
                said.print(f"weights: {limit}", style="yellow")
            console = None if quiet or as_json else ConsoleSink(Console(file=sys.stdout), raw=config.console.raw)
            sinks: list[Sink] = [publisher, console] if console else [publisher]
            source.flush()
            daemon = Daemon(
                source,
                pipeline,
                sinks,
                stall=config.source.stall,
                heartbeat=publisher.heartbeat,
                heartbeat_every=config.publish.heartbeat,
                tell=lambda sentence: said.print(sentence, style="yellow"),
            )
            began = time.monotonic()
            try:
                daemon.run(seconds)
            finally:
                if console:
                    console.close()
                wall = time.monotonic() - began
                report = {"seconds": wall, "samples": daemon.samples, "lost": source.lost, "stages_ms": timer.report()}
                if as_json:
                    print_json(report)
                else:
                    lost = "" if source.lost is None else f", {source.lost} lost"
                    said.print(f"{daemon.samples} samples in {wall:.1f} s{lost}", style="dim")
