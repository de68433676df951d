"""Decode sentences in a process of their own, so that no key waits: pyctcdecode is Python and holds its lock."""

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
"""Passages that may wait for the process; a further one is dropped and counted."""
_PARENT_CHECK_S = 1.0
"""Seconds between the process's checks that the daemon still lives."""
_STOP_TIMEOUT_S = 5.0
"""Seconds that the process has to end."""


class SentenceProcess:
    """Takes emissions without waiting, and returns sentences once they are decoded. Made by `open_sentences`."""

    def __init__(self, cutter: PassageCutter, passages: "Queue[Passage]", sentences: "Queue[Sentence]") -> None:
        """Take a cutter, and the queues to and from the process."""
        self._cutter = cutter
        self._passages = passages
        self._sentences = sentences
        self.dropped = 0
        """Count of the passages dropped because the process was behind."""

    def push(self, emission: Emission) -> None:
        """Take frames in, without waiting."""
        self._hand_over(self._cutter.push(emission))

    def finish(self) -> None:
        """End the sentence under way: the text ends here, or samples were lost."""
        self._hand_over(self._cutter.finish())

    def poll(self) -> list[Sentence]:
        """Return the sentences decoded since the last call, without waiting."""
        sentences: list[Sentence] = []
        try:
            while True:
                sentences.append(self._sentences.get_nowait())
        except Empty:
            return sentences

    def _hand_over(self, passages: list[Passage]) -> None:
        for passage in passages:
            try:
                self._passages.put_nowait(passage)
            except Full:
                self.dropped += 1


@contextmanager
def open_sentences(config: WordsConfig, files: WordFiles | None) -> Iterator[SentenceProcess]:
    """Start the process, and end it on leaving the block; passages not decoded by then are dropped.

    Each wearer has a process of their own, with a cutter of their own.

    Args:
        config: Settings of the words.
        files: As for WordReader.

    Raises:
        InputError: The word model cannot be loaded.
        ModuleNotFoundError: pyctcdecode is not installed.
    """
    # Here, since it is an optional extra and takes half a second.
    from emgtype.words.word_reader import WordReader  # noqa: PLC0415

    # A model that cannot be loaded is refused here, not in a process that dies.
    WordReader(config, files)
    context = get_context("spawn")
    passages: Queue[Passage] = context.Queue(WAITING)
    sentences: Queue[Sentence] = context.Queue()
    process = context.Process(target=_serve, args=(config, files, passages, sentences), daemon=True)
    process.start()
    try:
        yield SentenceProcess(PassageCutter(config.pause_s, config.longest_s), passages, sentences)
    finally:
        process.terminate()
        process.join(_STOP_TIMEOUT_S)
        for queue in (passages, sentences):
            queue.cancel_join_thread()
            queue.close()


def _serve(
    config: WordsConfig, files: WordFiles | None, passages: "Queue[Passage]", sentences: "Queue[Sentence]"
) -> None:
    from emgtype.words.word_reader import WordReader  # noqa: PLC0415

    # Ctrl-C is for the daemon, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reader, parent = WordReader(config, files), parent_process()
    while parent is None or parent.is_alive():
        try:
            passage = passages.get(timeout=_PARENT_CHECK_S)
        except Empty:
            continue
        if sentence := reader.read(passage):
            sentences.put(sentence)
