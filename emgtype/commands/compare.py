"""`emgtype compare`: the live decoder beside a decoder of words, on a recorded session."""

from pathlib import Path

import click
from rich.console import Console

from emgtype.commands._options import PATH, SettingsFlags, json_option, print_json, settings_options
from emgtype.models.bundle import open_bundle


@click.command(epilog="Example: emgtype compare session.hdf5")
@click.argument("session", type=PATH)
@settings_options()
@json_option
def command(session: Path, flags: SettingsFlags, as_json: bool) -> None:
    """Read a recorded session with the live decoder and with pyctcdecode, and compare errors and time.

    pyctcdecode reads whole sentences at word level (docs/language.md). It needs emgtype[words].
    """
    from emgtype.replay.word_replay import compare, table

    config = flags.load()
    report = compare(session, open_bundle(config.bundle, config.pipeline.precision), config)
    if as_json:
        print_json(report.as_dict())
        return
    console = Console(highlight=False, soft_wrap=True)
    for sentence in report.sentences:
        console.print(f"{sentence.start - report.start:7.1f} s  {sentence.readings[0].text}", markup=False)
    console.print(table(report))
    console.print(f"{report.signal:.1f} s of signal; word model: {report.word_model or 'none'}", markup=False)
