"""`emgtype commit-sweep`: commit rules compared on recorded sessions."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from emgtype.commands._options import PATH, SettingsFlags, json_option, print_json, settings_options
from emgtype.models.bundle import open_bundle
from emgtype.models.decoders import beam_for, scorer_for
from emgtype.replay.commit_sweep import encode_session, plot, rules, sweep, table
from emgtype.session_files import session_files


@click.command(epilog="Example: emgtype commit-sweep sessions/ --plot sweep.png")
@click.argument("sessions", type=PATH, nargs=-1, required=True, metavar="SESSION|FOLDER...")
@settings_options(hot_words=True)
@click.option("--plot", "picture", type=PATH, help="Also draw the comparison (PNG, PDF, SVG).")
@json_option
def command(sessions: tuple[Path, ...], flags: SettingsFlags, picture: Path | None, as_json: bool) -> None:
    """Encode sessions once and compare commit rules on them: errors and keys taken back against the delay.

    What the rules are is told in docs/typing.md; the settings of [decoder.commit] do not matter here.
    """
    config = flags.load()
    model = open_bundle(config.bundle, config.pipeline.precision)
    tried, files = rules(), session_files(sessions)
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("encoding", total=len(files) + len(tried))
        encoded = []
        for path in files:
            encoded.append(encode_session(path, model, config))
            progress.advance(task)
        scorer = scorer_for(model, config.decoder.language_model)
        outcomes = sweep(
            encoded,
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
