"""The command line: `emgtype COMMAND`. Commands live in emgtype/commands/, one module each, imported when called."""

import contextlib
import importlib
import signal
import sys
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console

from emgtype.extras import EXTRAS
from messages.errors import InputError

_COMMANDS = {
    "demo": "Simulated wristbands over LSL, decoded live: text beside the truth.",
    "serve": "Decode live wristbands and publish the text.",
    "replay": "Decode a recorded session and measure accuracy and delay.",
    "control": "Ask a running daemon: status, snapshot, pause, mark, reload, profile and more.",
    "pause": "Drop what is typed until `emgtype resume`.",
    "resume": "Decode again.",
    "arm": "Type into the focused window from a moment later on (needs `serve --inject`).",
    "disarm": "Type into windows no more, until armed again.",
    "undo": "Take back what was typed into the window last.",
    "keys": "CURVE keys: who may connect from elsewhere.",
    "health": "Whether a running daemon is well: exit code 0, or 1 and why not.",
    "service": "A systemd user unit that keeps the daemon running.",
    "listen": "Show the text that a running daemon publishes.",
    "record": "Record live wristbands into a session file.",
    "simulate": "Simulate a typist: session files, or live LSL streams.",
    "doctor": "Whether everything that typing needs is here.",
    "check": "What is wrong with the signal; corrections for a profile.",
    "info": "What a bundle, a session or the network holds.",
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
"""Requests of `emgtype control` that are commands, too: what is wanted in a hurry, or by a key of the desktop."""
_MODULES = {"import": "import_"}
"""Modules of commands whose name is a word of Python."""
_INTERRUPTED = 130  # what shells report for a process ended by Ctrl-C


class Commands(click.Group):
    """Finds a command in the module of its name, so that `listen` need not load what `train` needs."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        if name in _SHORT:
            short: click.Command = importlib.import_module("emgtype.commands.control").shorthand(name)
            return short
        module = importlib.import_module(f"emgtype.commands.{_MODULES.get(name, name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=False)
@click.version_option(package_name="emgtype", message="emgtype %(version)s")
def app() -> None:
    """Live text from two sEMG wristbands."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """A service manager's SIGTERM ends a command as Ctrl-C does, so everything is given back."""
    raise KeyboardInterrupt


def _refuse(sentence: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"emgtype: {sentence}", style="red", markup=False, highlight=False)
    sys.exit(2)


def main() -> None:
    """Entry point: one sentence and exit code 2 for bad input, a quiet end for Ctrl-C."""
    with contextlib.suppress(ValueError):  # raised where this is not the main thread
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
        sys.stderr.close()  # `emgtype listen | head`: the reader has gone, nothing is wrong
        sys.exit(0)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
