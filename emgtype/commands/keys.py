"""`emgtype keys`: who may connect to a daemon that asks for keys."""

import click

from emgtype.commands.options import json_option, print_json
from emgtype.live.sockets import CERTIFICATES


@click.group(epilog="Example: emgtype keys new laptop; with the file that it names: emgtype listen --keys FILE")
def command() -> None:
    """CURVE keys: with publish.curve in config.toml the daemon encrypts, and lets in those alone whose keys it knows.

    They live in ~/.config/emgtype/keys, readable by you alone. What is allowed or revoked counts for the next
    connection; a program that is connected stays so until the daemon or it ends.
    """


@command.command()
@click.argument("name")
def new(name: str) -> None:
    """Make keys for a client and let it in."""
    click.echo(f"{CERTIFICATES.new(name)}: carry it to the client by a way that nobody else can read")


@command.command()
@click.argument("name")
@click.argument("public")
def allow(name: str, public: str) -> None:
    """Let in a client that has made its keys itself; it needs the server's public key (`emgtype keys show`)."""
    CERTIFICATES.allow(name, public)


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Let a client in no more."""
    CERTIFICATES.revoke(name)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The clients that are let in, and their public keys."""
    if as_json:
        print_json(CERTIFICATES.allowed())
        return
    for name, public in CERTIFICATES.allowed().items():
        click.echo(f"{public}  {name}")


@command.command()
def show() -> None:
    """The server's public key, which every client needs."""
    click.echo(CERTIFICATES.server().public)
