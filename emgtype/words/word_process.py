"""Sentences decoded in a process of their own, so that no key waits: pyctcdecode is Python and holds its lock."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.queues import Queue
from queue import Empty, Full

from emgtype.config import WordsConfig
from emgtype.words.passages import Passage, PassageCutter
from emgtype.words.word_model import WordFiles
from messages.emission import Emission
from messages.sentence import Sentence

WAITING = 8
"""Passages that may wait for the process; the next one is dropped, and counted."""
_LOOK = 1.0  # seconds after which the process looks whether anybody still wants its sentences
_LEAVE = 5.0  # seconds that it gets to end


class SentenceProcess:
    """Emissions in at once, sentences out whenever they are done. Use `open_sentences`."""

    def __init__(self, cutter: PassageCutter, passages: "Queue[Passage]", sentences: "Queue[Sentence]") -> None:
        self._cutter = cutter
        self._passages = passages
        self._sentences = sentences
        self.dropped = 0
        """Passages that came faster than they could be read."""

    def push(self, emission: Emission) -> None:
        """Take in frames: never waits."""
        self._hand_over(self._cutter.push(emission))

    def finish(self) -> None:
        """What was typed so far is a sentence: the text ends here, or something was lost."""
        self._hand_over(self._cutter.finish())

    def poll(self) -> list[Sentence]:
        """The sentences that were finished since the last call: never waits."""
        found: list[Sentence] = []
        try:
            while True:
                found.append(self._sentences.get_nowait())
        except Empty:
            return found

    def _hand_over(self, passages: list[Passage]) -> None:
        for passage in passages:
            try:
                self._passages.put_nowait(passage)
            except Full:
                self.dropped += 1


@contextmanager
def open_sentences(config: WordsConfig, files: WordFiles | None) -> Iterator[SentenceProcess]:
    """Start the process, and end it when that is left; what is not read by then is dropped.

    One for each person: a cutter is a person's own. `files`: as for WordReader.

    Raises:
        InputError: The word model cannot be loaded.
        ModuleNotFoundError: pyctcdecode is not installed.
    """
    from emgtype.words.word_reader import WordReader  # noqa: PLC0415 - an optional extra, and half a second

    WordReader(config, files)  # what is wrong with the model should be told here, not in a process that dies
    context = get_context("spawn")
    passages: Queue[Passage] = context.Queue(WAITING)
    sentences: Queue[Sentence] = context.Queue()
    process = context.Process(target=_serve, args=(config, files, passages, sentences), daemon=True)
    process.start()
    try:
        yield SentenceProcess(PassageCutter(config.pause_s, config.longest_s), passages, sentences)
    finally:
        process.terminate()
        process.join(_LEAVE)
        for queue in (passages, sentences):
            queue.cancel_join_thread()
            queue.close()


def _serve(
    config: WordsConfig, files: WordFiles | None, passages: "Queue[Passage]", sentences: "Queue[Sentence]"
) -> None:
    from emgtype.words.word_reader import WordReader  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reader, parent = WordReader(config, files), parent_process()
    while parent is None or parent.is_alive():
        try:
            passage = passages.get(timeout=_LOOK)
        except Empty:
            continue
        if sentence := reader.read(passage):
            sentences.put(sentence)
