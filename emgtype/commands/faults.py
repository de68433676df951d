"""`emgtype faults`: a recorded session with simulated faults through the daemon's loop."""

from pathlib import Path

import click

from emgtype.commands._options import PATH, SettingsFlags, json_option, print_json, settings_options
from emgtype.replay.faulty_replay import replay_with_faults


@click.command(epilog="Example: emgtype faults session.hdf5 disconnect@20+3,loss@40+5=0.2 --fast")
@click.argument("session", type=PATH)
@click.argument("faults", metavar="KIND@START+SECONDS,...")
@settings_options(lag=True, hot_words=True)
@click.option("--fast", is_flag=True, help="In virtual time, as fast as possible, instead of at the recorded speed.")
@click.option("--raw", is_flag=True, default=None, help="Show every key instead of the text they make.")
@click.option("--quiet", is_flag=True, help="Show no text, only the report.")
@json_option
def command(
    session: Path, faults: str, flags: SettingsFlags, fast: bool, raw: bool | None, quiet: bool, as_json: bool
) -> None:
    """Decode a recorded session whose signal and delivery have faults, by a daemon of its own (docs/robustness.md).

    The two bands are two streams that number their samples. What the daemon reports is shown as it happens.
    """
    config = flags.load({"console.raw": raw})
    report = replay_with_faults(session, faults, config, fast=fast, quiet=quiet, as_json=as_json)
    if as_json:
        print_json(report)
