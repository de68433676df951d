"""`emgtype service`: a systemd user unit."""

import shlex
import sys
from pathlib import Path

import click

from emgtype.places import USER_CONFIG
from messages.errors import InputError

_UNIT = """\
[Unit]
Description=emgtype: text from two sEMG wristbands
# While the bands are missing the daemon is started again and again, for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
WorkingDirectory={folder}
Restart=always
RestartSec=2
# No step of the loop takes this long; a daemon that hangs is started again.
WatchdogSec=10
TimeoutStopSec=10
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=default.target
"""
_FOLDER = USER_CONFIG.parent / "systemd" / "user"


@click.group(epilog="Example: emgtype service install -- --stream emgtype")
def command() -> None:
    """Run the daemon under systemd, which starts it at login, and again whenever it ends."""


@command.command(name="print", epilog="Example: emgtype service print -- --stream emgtype")
@click.argument("arguments", nargs=-1)
def print_(arguments: tuple[str, ...]) -> None:
    """Print the unit that `install` would write; ARGUMENTS of `emgtype serve` follow --."""
    click.echo(_unit(arguments), nl=False)


@command.command(epilog="Example: emgtype service install -- --stream emgtype")
@click.argument("arguments", nargs=-1)
@click.option("--force", is_flag=True, help="Replace an existing unit.")
def install(arguments: tuple[str, ...], force: bool) -> None:
    """Write the unit; ARGUMENTS of `emgtype serve` follow --. The settings are those of this folder's config.toml."""
    path = _FOLDER / "emgtype.service"
    if path.exists() and not force:
        raise InputError(f"{path} exists already: add --force to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_unit(arguments), encoding="utf-8")
    click.echo(f"{path} written; next: systemctl --user daemon-reload && systemctl --user enable --now emgtype")


def _unit(arguments: tuple[str, ...]) -> str:
    call = [sys.executable, "-P", "-m", "emgtype.cli", "serve", "--quiet", *arguments]
    # systemd reads % and $ itself.
    command = shlex.join(call).replace("%", "%%").replace("$", "$$")
    return _UNIT.format(command=command, folder=str(Path.cwd()).replace("%", "%%"))
