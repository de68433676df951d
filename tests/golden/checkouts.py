"""Run the command line of a checkout: in a process and a folder of its own, without anything of the user's own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.golden.renames import translated_command, translated_settings

LSL_SETTINGS = """[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
AddressesOverride = {127.0.0.1}
ListenAddress = 127.0.0.1
[lab]
KnownPeers = {127.0.0.1}
"""
"""Keep liblsl's traffic on the loopback interface."""
_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Checkout:
    """A commit's working tree.

    Args:
        root: Its folder.
        sockets: An empty folder with a short path, for everything temporary: a socket's path has 107 bytes at most.
        new: Whether calls and settings are translated by `renames`.
    """

    def __init__(self, root: Path, sockets: Path, *, new: bool) -> None:
        self.root = root.resolve()
        self.sockets = sockets
        self.new = new
        self._helps: dict[str, str] = {}
        (sockets / "lsl.cfg").write_text(LSL_SETTINGS)

    def name(self) -> str:
        """Name the commit, and its uncommitted changes by a number: equal names are equal code."""
        commit = self._git("rev-parse", "HEAD").strip()[:12]
        changes = self._git("diff", "HEAD")
        digest = subprocess.run(
            ["git", "hash-object", "--stdin"], input=changes, capture_output=True, text=True, check=True
        )
        return f"{commit}-{digest.stdout[:8]}" if changes else commit

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        ).stdout

    def folder(self, name: str, settings: Mapping[str, Any] | None = None) -> Path:
        """Make an empty folder to run commands in, with a config.toml of these settings (by their old dotted names)."""
        folder = self.sockets / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "run").mkdir(parents=True, mode=0o700)
        if settings:
            names = translated_settings(settings, self.root / "config.toml") if self.new else settings
            (folder / "config.toml").write_text(_as_toml(names))
        return folder

    def run(self, folder: Path, *arguments: object) -> Done:
        """Run `emgtype ARGUMENTS`, in the words of the old commit, in a folder of `folder`."""
        with self.start(folder, *arguments) as process:
            try:
                out, err = process.communicate(timeout=_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                err += f"\nkilled after {_TIMEOUT_S} s"
        return Done(process.returncode, out, err)

    def start(self, folder: Path, *arguments: object) -> "subprocess.Popen[str]":
        """Start `emgtype ARGUMENTS` as `run` does; the caller ends it."""
        words = [str(argument) for argument in arguments]
        if self.new and words and not words[0].startswith("-"):
            words = translated_command(words, self._help)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHON"))}
        places = {
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder / "run",
            "TMPDIR": folder,
            "LSLAPICFG": self.sockets / "lsl.cfg",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "emgtype.cli", *words],
            cwd=folder,
            env={
                **clean,
                **{name: str(path) for name, path in places.items()},
                "PYTHONPATH": str(self.root),
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "COLUMNS": "200",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _help(self, command: str) -> str:
        if command not in self._helps:
            self._helps[command] = self.run(self.folder("help"), *([command] if command else []), "--help").out
        return self._helps[command]


def _as_toml(settings: Mapping[str, Any]) -> str:
    """Write settings by dotted names; JSON writes strings, numbers, lists and booleans as TOML does."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
