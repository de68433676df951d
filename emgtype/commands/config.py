"""`emgtype config`: settings files, profiles and systemd units brought up to date."""

import sys
from pathlib import Path

import click

from emgtype.commands._options import PATH
from emgtype.upgrade import upgrade_file


@click.group(epilog="Example: emgtype config upgrade config.toml profiles/me.toml")
def command() -> None:
    """Bring settings files, profiles and systemd units of older versions up to date."""


@command.command(
    epilog="Example: emgtype config upgrade ~/.config/emgtype/config.toml ~/.config/systemd/user/emgtype.service"
)
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="List the renames, write nothing; exit code 1 where there are any.")
def upgrade(files: tuple[Path, ...], check: bool) -> None:
    """Write today's names of settings, sections, commands and flags into files that have old ones.

    Values, comments and order stay. A file is replaced at once, and only after it was read again with the same values.
    """
    count = 0
    for path in files:
        renames = upgrade_file(path, write=not check)
        count += len(renames)
        for old, new in renames:
            click.echo(f"{path}: {old} → {new}")
        if not renames:
            click.echo(f"{path}: nothing to rename")
    if check and count:
        sys.exit(1)
