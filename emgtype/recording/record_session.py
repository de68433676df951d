"""What `emgtype record` does: streams, file, prompts and keys put together, and how they fare."""

import math
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylsl import local_clock
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from adapters.host.terminal import Terminal
from adapters.keyboard.keystrokes import KeyLog
from adapters.keyboard.listen import listen
from adapters.lsl.source import LSLSource, open_sources
from adapters.sessions.format import LAYOUT
from adapters.sessions.journal import SessionJournal
from adapters.sessions.repair import SUFFIX, cut_off, repair
from emgtype.config import SourceConfig
from emgtype.recording.prompting import Prompter, read_prompts
from emgtype.recording.recorder import NO_KEYBOARD, Recording, lsl_epoch, session_path
from messages.errors import InputError
from messages.typed import ON_KEYBOARD

_PULL = 0.05  # seconds: as late as a prompt may react
_SYNC = 1.0  # seconds that a power cut may cost; being killed costs nothing of what came
_AFTER = 1.0  # seconds recorded after the last prompt: what is heard of its Enter comes later
_LOOKS = 10  # a second, on the terminal


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was asked for."""

    user: str
    out: Path
    minutes: float | None
    prompts: Path | None
    speed: float | None
    """Words a minute at which prompts follow each other; None: whoever types asks for the next."""
    keys: bool

    def check(self, *, yes: bool) -> None:
        """Raise InputError for options that say nothing together, or a user who cannot be part of a file's name."""
        if self.speed and not self.prompts:
            raise InputError("--wpm paces prompts: add --prompts, or leave it out")
        if yes and not self.keys:
            raise InputError("--yes agrees to --keys: add it, or leave --yes out")
        if not self.user or not self.user.isprintable() or set("/\\ .") & set(self.user):
            raise InputError(f"--user is {self.user!r}: expected a name without spaces, dots and slashes")

    def path(self) -> Path:
        """The new file."""
        if self.out.suffix == SUFFIX:
            return self.out
        if not self.out.is_dir():
            raise InputError(f"--out is {self.out}: expected a folder that is there, or a new file NAME{SUFFIX}")
        return session_path(self.out, self.user)


class _Run:
    """One recording under way."""

    def __init__(
        self, wanted: Wanted, texts: Sequence[str], source: LSLSource, recording: Recording, keys: KeyLog | None
    ) -> None:
        self._wanted = wanted
        self._source = source
        self._recording = recording
        self.keys = keys
        self.prompter = Prompter(texts, recording.note, wanted.speed)
        self._typed = math.inf

    def report(self) -> dict[str, Any]:
        """What was recorded."""
        return {
            "path": str(self._recording.path),
            "seconds": self._recording.seconds,
            "samples": self._recording.samples,
            "lost": self._source.lost,
            "gaps": self._recording.gaps,
            "left_out": self._recording.left_out,
            "prompts": self.prompter.done,
            "keystrokes": self.keys.count if self.keys else 0,
        }

    def line(self) -> str:
        """The same, on a line, and how much room is left."""
        found = self.report()
        minutes, seconds = divmod(int(found["seconds"]), 60)
        parts = [f"{minutes}:{seconds:02} recorded", f"{found['samples']} samples"]
        parts += [] if found["lost"] is None else [f"{found['lost']} lost"]
        parts += [f"{found['gaps']} gaps"]
        parts += [f"{found['left_out']} not storable"] if found["left_out"] else []
        parts += [f"{found['keystrokes']} keys"] if self.keys else []
        parts += [f"{self.prompter.done} of {self.prompter.total} prompts"] if self.prompter.total else []
        parts += [f"{shutil.disk_usage(self._recording.path.parent).free / 2**30:.1f} GiB left"]
        return " · ".join(parts)

    def screen(self) -> RenderableType:
        """For the terminal."""
        status = Text(self.line(), style="dim")
        if not self.prompter.total:
            return status
        shown = Text(self.prompter.text or "all typed", style="bold")
        return Group(Panel(shown, title="type this, then Enter"), Text(self.prompter.following, style="dim"), status)

    @property
    def over(self) -> bool:
        """Whether all that was asked for is there."""
        long = self._wanted.minutes is not None and self._recording.seconds >= 60 * self._wanted.minutes
        return long or local_clock() - self._typed >= _AFTER

    def step(self, terminal: Terminal) -> bool:
        """Take what came; whether samples did."""
        chunk = self._source.pull(_PULL)
        if chunk is not None:
            self._recording.push(chunk)
        now = local_clock()
        if self._recording.samples:  # nothing is shown to be typed before it is recorded
            self.prompter.attend(now)
            for key in terminal.pressed():
                if key in "\r\n" or (key == " " and not self.keys):
                    self.prompter.advance(now)
            if self.prompter.total and self.prompter.finished:
                self._typed = min(self._typed, now)
        return chunk is not None


def record(stack: ExitStack, wanted: Wanted, config: SourceConfig, said: Console, *, shown: bool) -> dict[str, Any]:
    """Record until Ctrl-C, for as long as was asked, or until all prompts are typed; what was recorded.

    Args:
        stack: Gives everything back.
        wanted: What was asked for.
        config: Which streams.
        said: Where the user reads.
        shown: Whether prompts and progress are shown there, as on a terminal.

    Raises:
        InputError: No such stream, no room, a stream that has ended; what came before is in the file.
    """
    path, texts = wanted.path(), read_prompts(wanted.prompts) if wanted.prompts else []
    _repair_others(path.parent, said)
    (source,) = open_sources([(config.names, LAYOUT)], config.timeout_s)
    stack.enter_context(source)
    for note in source.notes:
        said.print(f"note: {note}", style="yellow", markup=False)
    said.print(f"{source.description} → {path}", style="dim", markup=False)
    journal = SessionJournal(path, wanted.user, ON_KEYBOARD if wanted.keys else NO_KEYBOARD)
    recording = stack.enter_context(Recording(journal, lsl_epoch()))
    keys = KeyLog(recording.note) if wanted.keys else None
    if keys:
        stack.enter_context(listen(keys, local_clock))
    run = _Run(wanted, texts, source, recording, keys)
    terminal = stack.enter_context(Terminal())
    source.flush()
    try:
        if shown:
            with Live(get_renderable=run.screen, console=said, refresh_per_second=_LOOKS, transient=True):
                _loop(run, terminal, recording, config.stall_s, said)
        else:
            _loop(run, terminal, recording, config.stall_s, said)
    except KeyboardInterrupt:
        pass
    finally:
        said.print(f"{path}: {run.line()}", style="dim", markup=False)
    return run.report()


def _loop(run: _Run, terminal: Terminal, recording: Recording, stall: float, said: Console) -> None:
    heard = synced = time.monotonic()
    stalled = False
    while not run.over:
        came, now = run.step(terminal), time.monotonic()
        if came:
            heard = now
            if stalled:
                said.print("samples again", style="yellow")
        elif not stalled and now - heard >= stall:
            said.print(f"no samples for {stall:g} s: waiting", style="yellow")
        stalled = now - heard >= stall
        if now - synced >= _SYNC:
            synced = now
            recording.sync()


def _repair_others(folder: Path, said: Console) -> None:
    for path in cut_off(folder):
        try:
            seconds = repair(path) / LAYOUT.rate
            said.print(f"{path} had been cut off: it is whole again, {seconds:.1f} s", style="yellow", markup=False)
        except InputError as error:
            said.print(str(error), style="yellow", markup=False)
