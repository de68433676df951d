"""The command line: `emgtype COMMAND`. Commands live in emgtype/commands/, one module each, imported when called."""

import contextlib
import importlib
import shlex
import signal
import sys
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console

from emgtype.extras import EXTRAS
from emgtype.renames import COMMANDS
from messages.errors import InputError

_COMMANDS = {
    "demo": "Simulated wristbands over LSL, decoded live: text beside the truth.",
    "serve": "Decode live wristbands and publish the text.",
    "replay": "Decode a recorded session and measure accuracy and delay.",
    "compare": "Read a recorded session with two decoders (needs emgtype[words]).",
    "commit-sweep": "Compare commit rules on recorded sessions.",
    "faults": "Decode a recorded session whose signal and delivery have faults.",
    "flight": "Decode a flight recorder's file again.",
    "control": "Ask a running daemon: status, snapshot, pause, mark, reload, profile and more.",
    "pause": "Drop all samples until `emgtype resume`.",
    "resume": "Decode again.",
    "arm": "Type into the focused window after a moment (needs `serve --inject`).",
    "disarm": "Type into no window until armed again.",
    "undo": "Take back the last text typed into the window.",
    "config": "Bring settings files of older versions up to date.",
    "certificates": "Choose the clients that may connect to an encrypted daemon.",
    "health": "Check a running daemon: exit code 0 if all is well, else 1.",
    "service": "Keep the daemon running by a systemd user unit.",
    "listen": "Show the text that a running daemon publishes.",
    "record": "Record live wristbands into a session file.",
    "simulate": "Simulate a typist: session files, or live LSL streams.",
    "doctor": "Try every part that typing needs.",
    "check": "Find faults of the signal, and corrections for a profile.",
    "info": "Show what a bundle, a session or the network holds.",
    "evaluate": "Test models on whole sessions: CER, tables, per-key figures.",
    "emissions": "Write a session's emissions for other decoders.",
    "decode": "Decode emissions from any encoder.",
    "train": "Train an encoder on sessions (needs emgtype[train]).",
    "data": "Statistics, splits, checks and BIDS of data sets.",
    "export": "Make a model bundle from a checkpoint (needs emgtype[train]).",
    "personalise": "Fit a model to one person (needs emgtype[train]).",
    "quantise": "Add an int8 encoder to a bundle (needs emgtype[train]).",
    "import": "Make a model bundle from weights trained elsewhere (needs emgtype[train]).",
    "lm": "Build language models.",
}
_SHORT = ("pause", "resume", "arm", "disarm", "undo")
"""Requests of `emgtype control` that are commands too: for use in a hurry, or by a key of the desktop."""
_MODULES = {"import": "import_", "commit-sweep": "commit_sweep"}
"""Modules of commands whose name cannot be that of a Python module."""
_INTERRUPTED = 130
"""Exit code that shells report for a process ended by Ctrl-C."""


class Commands(click.Group):
    """Finds a command in the module of its name, so that `listen` does not load the libraries of `train`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all commands, without importing any of them."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; None where there is no command of this name."""
        if name in COMMANDS:
            return _moved(name, COMMANDS[name])
        if name not in _COMMANDS:
            return None
        if name in _SHORT:
            short: click.Command = importlib.import_module("emgtype.commands.control").shorthand(name)
            return short
        module = importlib.import_module(f"emgtype.commands.{_MODULES.get(name, name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _moved(old: str, new: str) -> click.Command:
    """Return a command that refuses everything and says its new name."""

    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def refuse(arguments: tuple[str, ...]) -> None:
        call = shlex.join(["emgtype", new, *arguments])
        raise InputError(f"`emgtype {old}` is now called `emgtype {new}`: run `{call}`")

    settings = {"ignore_unknown_options": True, "help_option_names": []}
    return click.command(old, hidden=True, context_settings=settings)(refuse)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=False)
@click.version_option(package_name="emgtype", message="emgtype %(version)s")
def app() -> None:
    """Live text from two sEMG wristbands."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """End a command on a service manager's SIGTERM as on Ctrl-C, so that it gives everything back."""
    raise KeyboardInterrupt


def _refuse(sentence: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"emgtype: {sentence}", style="red", markup=False, highlight=False)
    sys.exit(2)


def main() -> None:
    """Run a command: one sentence and exit code 2 for bad input, a quiet end for Ctrl-C."""
    # ValueError: this is not the main thread.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=False)
    except InputError as error:
        _refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        _refuse(f"this command needs {error.name}, which is not installed: pip install 'emgtype[{EXTRAS[error.name]}]'")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `emgtype listen | head`: the reader has ended, nothing is wrong.
        sys.stderr.close()
        sys.exit(0)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
