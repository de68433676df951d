"""The work of `emgtype record`: streams, file, prompts and keyboard put together, and a line about their progress."""

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

_PULL_S = 0.05
"""Longest wait for samples: a prompt reacts that late to its key."""
_SYNC_EVERY_S = 1.0
"""Seconds of samples that a power cut may cost; a killed process loses none that it has appended."""
_AFTER_LAST_PROMPT_S = 1.0
"""Seconds recorded after the last prompt, since the muscles show its Enter for some time."""
_REDRAWS_PER_S = 10


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """Options of `emgtype record`."""

    user: str
    """Name of the wearer."""
    out: Path
    """New session file, or the folder for one."""
    minutes: float | None
    """Length of the recording; None: until Ctrl-C."""
    prompts: Path | None
    """Text file with the prompts; None: there are none."""
    speed: float | None
    """Words a minute at which prompts follow each other; None: a key shows the next one."""
    keys: bool
    """Whether the keys pressed on this desktop are recorded."""

    def check(self, *, yes: bool) -> None:
        """Refuse options that mean nothing together.

        Args:
            yes: Whether --yes was given.

        Raises:
            InputError: Such options, or a user whose name cannot be part of a file's name.
        """
        if self.speed and not self.prompts:
            raise InputError("--wpm paces prompts: add --prompts, or leave it out")
        if yes and not self.keys:
            raise InputError("--yes agrees to --keys: add it, or leave --yes out")
        if not self.user or not self.user.isprintable() or set("/\\ .") & set(self.user):
            raise InputError(f"--user is {self.user!r}: expected a name without spaces, dots and slashes")

    def path(self) -> Path:
        """Return the path of the new file.

        Raises:
            InputError: It would lie in a folder that does not exist.
        """
        if self.out.suffix == SUFFIX:
            return self.out
        if not self.out.is_dir():
            raise InputError(f"--out is {self.out}: expected a folder that exists, or a new file NAME{SUFFIX}")
        return session_path(self.out, self.user)


class _Run:
    """One recording under way."""

    def __init__(
        self, options: RecordOptions, texts: Sequence[str], source: LSLSource, recording: Recording, keys: KeyLog | None
    ) -> None:
        self._options = options
        self._source = source
        self._recording = recording
        self._keys = keys
        self._prompter = Prompter(texts, recording.annotate, options.speed)
        self._prompts_done_at = math.inf

    def report(self) -> dict[str, Any]:
        """Return the figures of the recording so far."""
        return {
            "path": str(self._recording.path),
            "seconds": self._recording.seconds,
            "samples": self._recording.samples,
            "lost": self._source.lost,
            "gaps": self._recording.gaps,
            "left_out": self._recording.left_out,
            "prompts": self._prompter.done,
            "keystrokes": self._keys.count if self._keys else 0,
        }

    def line(self) -> str:
        """Return these figures in one line, with the free space of the disk."""
        figures = self.report()
        minutes, seconds = divmod(int(figures["seconds"]), 60)
        parts = [f"{minutes}:{seconds:02} recorded", f"{figures['samples']} samples"]
        parts += [] if figures["lost"] is None else [f"{figures['lost']} lost"]
        parts += [f"{figures['gaps']} gaps"]
        parts += [f"{figures['left_out']} that cannot be stored"] if figures["left_out"] else []
        parts += [f"{figures['keystrokes']} keys"] if self._keys else []
        parts += [f"{self._prompter.done} of {self._prompter.total} prompts"] if self._prompter.total else []
        parts += [f"{shutil.disk_usage(self._recording.path.parent).free / 2**30:.1f} GiB left"]
        return " · ".join(parts)

    def screen(self) -> RenderableType:
        """Return the prompt, the next one and the line of figures, as shown on a terminal."""
        status = Text(self.line(), style="dim")
        if not self._prompter.total:
            return status
        prompt = Text(self._prompter.text or "all prompts are typed", style="bold")
        next_text = Text(self._prompter.next_text, style="dim")
        return Group(Panel(prompt, title="type this, then Enter"), next_text, status)

    @property
    def over(self) -> bool:
        """Whether the requested minutes or all prompts are recorded."""
        minutes = self._options.minutes
        long_enough = minutes is not None and self._recording.seconds >= 60 * minutes
        return long_enough or local_clock() - self._prompts_done_at >= _AFTER_LAST_PROMPT_S

    def step(self, terminal: Terminal) -> bool:
        """Record the samples that have arrived and move the prompts on; return whether there were samples."""
        chunk = self._source.pull(_PULL_S)
        if chunk is not None:
            self._recording.append(chunk)
        # A prompt is shown once samples are recorded, so that none of its typing is missed.
        if self._recording.samples:
            self._update_prompts(terminal.pressed(), local_clock())
        return chunk is not None

    def _update_prompts(self, pressed: str, now: float) -> None:
        self._prompter.update(now)
        for key in pressed:
            # With --keys the wearer types into this terminal, so that a space belongs to the text.
            if key in "\r\n" or (key == " " and not self._keys):
                self._prompter.advance(now)
        if self._prompter.total and self._prompter.finished:
            self._prompts_done_at = min(self._prompts_done_at, now)


def record(
    stack: ExitStack, options: RecordOptions, config: SourceConfig, console: Console, *, shown: bool
) -> dict[str, Any]:
    """Record until Ctrl-C, for the requested minutes, or until all prompts are typed; return the report.

    Args:
        stack: Closes streams, file and keyboard.
        options: Of the command.
        config: Names the streams.
        console: Where the user reads.
        shown: Whether prompts and progress are shown there, as on a terminal.

    Raises:
        InputError: There is no such stream, no room on the disk, or the stream has ended; the file holds the samples
            until then.
    """
    path, texts = options.path(), read_prompts(options.prompts) if options.prompts else []
    _repair_interrupted(path.parent, console)
    (source,) = open_sources([(config.names, LAYOUT)], config.timeout_s)
    stack.enter_context(source)
    for note in source.notes:
        console.print(f"note: {note}", style="yellow", markup=False)
    console.print(f"{source.description} → {path}", style="dim", markup=False)
    journal = SessionJournal(path, options.user, ON_KEYBOARD if options.keys else NO_KEYBOARD)
    recording = stack.enter_context(Recording(journal, lsl_epoch()))
    keys = KeyLog(recording.annotate) if options.keys else None
    if keys:
        stack.enter_context(listen(keys, local_clock))
    run = _Run(options, texts, source, recording, keys)
    terminal = stack.enter_context(Terminal())
    source.flush()
    try:
        if shown:
            with Live(get_renderable=run.screen, console=console, refresh_per_second=_REDRAWS_PER_S, transient=True):
                _loop(run, terminal, recording, config.stall_s, console)
        else:
            _loop(run, terminal, recording, config.stall_s, console)
    except KeyboardInterrupt:
        pass
    finally:
        console.print(f"{path}: {run.line()}", style="dim", markup=False)
    return run.report()


def _loop(run: _Run, terminal: Terminal, recording: Recording, stall: float, console: Console) -> None:
    """Step until the recording is over, and say once when no samples arrive for `stall` s and when they do again."""
    last_arrival = synced = time.monotonic()
    stalled = False
    while not run.over:
        arrived, now = run.step(terminal), time.monotonic()
        if arrived:
            last_arrival = now
            if stalled:
                console.print("samples again", style="yellow")
        elif not stalled and now - last_arrival >= stall:
            console.print(f"no samples for {stall:g} s: waiting", style="yellow")
        stalled = now - last_arrival >= stall
        if now - synced >= _SYNC_EVERY_S:
            synced = now
            recording.sync()


def _repair_interrupted(folder: Path, console: Console) -> None:
    """Complete the recordings of a folder that were interrupted before they were closed."""
    for path in cut_off(folder):
        try:
            seconds = repair(path) / LAYOUT.rate
            console.print(f"{path} had been cut off: it is whole again, {seconds:.1f} s", style="yellow", markup=False)
        except InputError as error:
            console.print(str(error), style="yellow", markup=False)
