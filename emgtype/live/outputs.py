"""What leaves the daemon besides typed keys: the status and reports of each wearer, and the text on the console."""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from adapters.files.closing import Closing
from adapters.host.console import ConsoleSink, LiveLines
from adapters.inject.sink import KeyInjector
from adapters.wire.publisher import Publisher
from emgtype.bands.signal_report import SignalReport
from emgtype.live.line import Sink
from emgtype.live.notices import Notices
from emgtype.live.recent import Recent
from emgtype.live.wearer import Listener, Wearer
from messages.notice import sentences
from messages.signal import Chunk

if TYPE_CHECKING:
    # Their libraries are extras, or slow to import: only a daemon that needs them has them.
    from adapters.host.metrics import MetricsServer
    from emgtype.recording.recorder import BackgroundRecording
    from emgtype.words.word_process import SentenceProcess


@dataclass(slots=True, eq=False)
class Outputs(Listener):
    """Everything that goes out for one wearer, apart from the sinks of their lines."""

    publisher: Publisher
    recent: Recent
    signal: SignalReport
    """Watches the signal for faults."""
    notices: Notices
    log: Callable[[str], None]
    """Gets a sentence about this wearer."""
    injector: KeyInjector | None = None
    """Types the text into windows."""
    recording: "BackgroundRecording | None" = None
    """Writes the samples into a session file."""
    sentences: "SentenceProcess | None" = None
    """Reads the text once more at word level."""
    metrics: "MetricsServer | None" = None
    """Serves figures to Prometheus."""

    def before_decoding(self, chunk: Chunk) -> None:
        """Record samples."""
        if self.recording:
            self.recording.append(chunk)

    def after_decoding(self, chunk: Chunk) -> None:
        """Look for faults of the signal, which may wait until the text has gone out."""
        self.signal.push(chunk)

    def before_pause(self) -> None:
        """Disarm typing into windows."""
        if self.injector:
            self.injector.disarm()

    def finished(self) -> None:
        """End the sentence that is read at word level."""
        if self.sentences:
            self.sentences.finish()

    def heartbeat(self, wearer: Wearer) -> None:
        """Publish that the daemon lives and how the wearer fares, and log what has changed."""
        self.publisher.heartbeat()
        self.publisher.status(lambda: self.status(wearer))
        self.log_changes(wearer)
        if self.metrics:
            self.metrics.update(wearer.name, self.status(wearer))

    def publish_sentences(self) -> None:
        """Publish the sentences that were read since the last call."""
        if self.sentences:
            for each in self.sentences.poll():
                self.publisher.sentence(each)

    def log_changes(self, wearer: Wearer) -> None:
        """Log counters that have grown and problems that began or ended since the last call."""
        problems = wearer.source.notices()
        for message in self.notices.update(self.figures(wearer), problems, wearer.line.frame_s):
            self.log(message)

    def figures(self, wearer: Wearer) -> dict[str, Any]:
        """Return counts and milliseconds of the signal and of decoding, which cost little to ask for."""
        return {
            **wearer.line.figures(),
            "stalls": wearer.stalls,
            "overflows": self.publisher.overflows,
            **wearer.source.figures(),
        }

    def status(self, wearer: Wearer) -> Mapping[str, Any]:
        """Return all that the request `status` answers about the wearer (docs/protocol.md); it holds no text."""
        line = wearer.line
        return {
            "state": wearer.state,
            "samples": wearer.samples,
            "bundle": line.config.bundle,
            "profile": line.profile,
            **self.signal.status(),
            **({} if self.injector is None else {"keys": self.injector.status()}),
            **({} if self.recording is None else {"recording": self.recording.status()}),
            **({} if self.sentences is None else {"sentences_dropped": self.sentences.dropped}),
            **self.figures(wearer),
            "stages_ms": line.timer.report(),
            "problems": sentences(wearer.source.notices()),
        }


class ConsoleOutputs(Closing):
    """The text of all wearers on standard output. Use it in a `with`.

    Args:
        shown: Whether text is shown at all.
        raw: Whether every key is shown instead of the text that they make.
        several: Whether each line of text begins with the wearer's name.
    """

    def __init__(self, *, shown: bool, raw: bool, several: bool) -> None:
        self._raw = raw
        self._several = several
        self._console = Console(file=sys.stdout)
        self._stack = ExitStack()
        self._lines = self._stack.enter_context(LiveLines(self._console)) if shown else None

    def sinks(self, name: str) -> list[Sink]:
        """Return the sink that shows the text of a wearer, or none."""
        if not self._lines:
            return []
        label = name if self._several else ""
        sink = ConsoleSink(self._console, raw=self._raw, name=label, lines=self._lines)
        return [self._stack.enter_context(sink)]

    def close(self) -> None:
        """Leave the terminal as it stands; elsewhere print the text that is left of the last lines."""
        self._stack.close()
