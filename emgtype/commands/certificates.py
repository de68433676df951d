"""`emgtype certificates`: the clients that may connect to an encrypted daemon."""

import click

from emgtype.commands._options import json_option, print_json
from emgtype.live.sockets import CERTIFICATES


@click.group(
    epilog="Example: emgtype certificates new laptop; then, with the file that it names: "
    "emgtype listen --certificate FILE"
)
def command() -> None:
    """Manage CURVE certificates: with publish.curve the daemon encrypts, and admits only clients that it knows.

    They lie in ~/.config/emgtype/keys, readable by you alone. A client that is allowed or revoked is so from its next
    connection on; a program that is connected stays connected until it or the daemon ends.
    """


@command.command(epilog="Example: emgtype certificates new laptop")
@click.argument("name")
def new(name: str) -> None:
    """Make a certificate for a client and admit the client."""
    click.echo(f"{CERTIFICATES.new(name)}: carry it to the client by a way that nobody else can read")


@command.command(epilog="Example: emgtype certificates allow phone 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'")
@click.argument("name")
@click.argument("public")
def allow(name: str, public: str) -> None:
    """Admit a client that has made its own keys, by its public key.

    The client needs the server's public key, which `emgtype certificates show` prints.
    """
    CERTIFICATES.allow(name, public)


@command.command(epilog="Example: emgtype certificates revoke laptop")
@click.argument("name")
def revoke(name: str) -> None:
    """Admit a client no longer."""
    CERTIFICATES.revoke(name)


@command.command("list", epilog="Example: emgtype certificates list")
@json_option
def list_(as_json: bool) -> None:
    """List the clients that are admitted, with their public keys."""
    if as_json:
        print_json(CERTIFICATES.allowed())
        return
    for name, public in CERTIFICATES.allowed().items():
        click.echo(f"{public}  {name}")


@command.command(epilog="Example: emgtype certificates show")
def show() -> None:
    """Print the server's public key, which every client needs."""
    click.echo(CERTIFICATES.server().public)
