"""`emgtype serve`: the daemon."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adapters.console import ConsoleSink, LiveLines
from adapters.control import ControlSocket
from adapters.endpoint import control_endpoint
from adapters.lsl_inlet import LSLSource, open_sources
from adapters.publisher import Publisher, PubSocket
from emgtype.commands.options import PATH, precision_option, print_json
from emgtype.config import load_config
from emgtype.daemon import Daemon, Sink, Wearer
from emgtype.people import Party, Person, flags_of_each, gather
from emgtype.requests import Recent, Requests, Served

_EXAMPLES = """Example: emgtype serve --device lsl --stream emgtype

Two people: emgtype serve --stream A --person ann --stream B --person bob"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", "config_path", type=PATH, help="Settings file (default: ./config.toml, then yours).")
@click.option(
    "--bundle", "bundles", multiple=True, metavar="NAME|FOLDER", help="Model bundle (default: as configured)."
)
@click.option("--device", type=click.Choice(["lsl"]), default="lsl", show_default=True, help="Where samples come from.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="LSL stream with both bands; once a person.")
@click.option(
    "--bands", multiple=True, nargs=2, metavar="LEFT RIGHT", help="Two LSL streams, one a band; once a person."
)
@click.option("--endpoint", help="ZeroMQ PUB endpoint, e.g. tcp://127.0.0.1:5757 (default: ipc, yours alone).")
@click.option("--control", help="ZeroMQ REP endpoint for `emgtype control` (default: ipc, yours alone).")
@click.option("--hop", type=int, help="Frames (8 ms each) per encoder call.")
@precision_option
@click.option(
    "--person",
    "persons",
    multiple=True,
    metavar="NAME",
    help="Who types: picks their layer of the bundle, and names the topic.",
)
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Publish only, show no text.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print a report as JSON at the end; implies --quiet.")
def command(
    config_path: Path | None,
    bundles: tuple[str, ...],
    device: str,
    streams: tuple[str, ...],
    bands: tuple[tuple[str, str], ...],
    endpoint: str | None,
    control: str | None,
    hop: int | None,
    precision: str | None,
    persons: tuple[str, ...],
    raw: bool | None,
    quiet: bool,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Decode live wristbands: show the text and publish it over ZeroMQ until Ctrl-C.

    Several people on one machine: give --stream or --bands, and --person, once for each, in the same order; --bundle
    once for all, or once for each. Everybody has a topic of their own, and their layer where the bundle has one of
    their name; the lines of each are shown behind their name. The stream and the person of the settings file count only
    where there is one.
    """
    common: dict[str, Any] = {
        "publish.endpoint": endpoint,
        "publish.control": control,
        "pipeline.hop": hop,
        "pipeline.precision": precision,
        "console.raw": raw,
    }
    each = flags_of_each(streams, bands, persons, bundles)
    configs = [load_config(config_path, {**common, **flags}) for flags in each]
    config, several = configs[0], len(configs) > 1
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    parties = gather(configs)
    people = [person for party in parties for person in party.people]
    with ExitStack() as stack:
        # The endpoint first: a port in use should be told before seconds are spent on looking for streams.
        socket = stack.enter_context(PubSocket(config.publish.endpoint or None))
        publishers = [Publisher(socket, config.session, person.config.person) for person in people]
        wanted = [(person.streams, person.bundle.facts.layout) for person in people]
        sources = [stack.enter_context(source) for source in open_sources(wanted, config.source.timeout)]
        for person, source in zip(people, sources, strict=True):
            for note in filter(None, (*source.notes, person.note)):
                said.print(f"note: {note}", style="yellow")
            who = f"{person.config.person}: " if several else ""
            said.print(f"{who}{source.description} → {person.bundle.facts.name} → {socket.endpoint}", style="dim")
        for limit in dict.fromkeys(person.bundle.facts.licence_note for person in people):
            if limit:
                said.print(f"weights: {limit}", style="yellow")
        wearers: dict[Person, Wearer] = {}
        served: dict[str, Served] = {}
        shown: list[ConsoleSink] = []
        out = Console(file=sys.stdout)
        lines = None if quiet or as_json else stack.enter_context(LiveLines(out))
        for person, source, publisher in zip(people, sources, publishers, strict=True):
            name = person.config.person if several else ""
            if lines:
                shown.append(stack.enter_context(ConsoleSink(out, raw=config.console.raw, name=name, lines=lines)))
            recent = Recent(publisher)
            sinks: list[Sink] = [publisher, recent, *shown[-1:]]
            wearers[person] = Wearer(source, person.pipeline, sinks, publisher.heartbeat, name)
            served[person.config.person] = Served(wearers[person], recent, partial(_figures, person, source))
        asked = stack.enter_context(ControlSocket(config.publish.control or control_endpoint(socket.endpoint)))
        for source in sources:
            source.flush()
        daemon = Daemon(
            [(party.pipelines, [wearers[person] for person in party.people]) for party in parties],
            stall=config.source.stall,
            heartbeat_every=config.publish.heartbeat,
            tell=lambda sentence: said.print(sentence, style="yellow"),
            attend=lambda: asked.attend(requests.answer),
        )
        requests = Requests(daemon, served, lambda: {"encoders": _encoders(parties)})
        began = time.monotonic()
        try:
            daemon.run(seconds)
        finally:
            for sink in shown:
                sink.close()
            if lines:
                lines.close()
            wall = time.monotonic() - began
            counts = {
                person: (wearers[person].samples, source.lost) for person, source in zip(people, sources, strict=True)
            }
            if as_json:
                print_json({"seconds": wall, **_report(parties, counts)})
            for person, (samples, lost) in ({} if as_json else counts).items():
                who = f"{person.config.person}: " if several else ""
                missing = "" if lost is None else f", {lost} lost"
                said.print(f"{who}{samples} samples in {wall:.1f} s{missing}", style="dim")


def _report(parties: Sequence[Party], counts: Mapping[Person, tuple[int, int | None]]) -> dict[str, Any]:
    """One person's figures as they are; of several by name, and by bundle those of the encoder that they share."""
    each = {
        person.config.person: {"samples": samples, "lost": lost, "stages_ms": person.timer.report()}
        for person, (samples, lost) in counts.items()
    }
    if len(each) == 1:
        return next(iter(each.values()))
    return {"people": each, "encoders": _encoders(parties)}


def _encoders(parties: Sequence[Party]) -> list[dict[str, Any]]:
    return [
        {
            "bundle": str(party.people[0].bundle.folder),
            "people": [person.config.person for person in party.people],
            "stages_ms": party.timer.report(),
        }
        for party in parties
    ]


def _figures(person: Person, source: LSLSource) -> dict[str, Any]:
    """For `emgtype control status`."""
    skew = {} if source.aligner is None else {"skew_ms": 1e3 * source.aligner.skew}
    return {"lost": source.lost, "gaps": person.pipeline.gaps, **skew, "stages_ms": person.timer.report()}
