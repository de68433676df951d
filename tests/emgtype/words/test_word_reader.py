"""pyctcdecode over passages: what is made of keys that it does not know, and that it never holds keys up."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgtype.config import WordsConfig, load_config
from emgtype.words.passages import PassageCutter
from emgtype.words.word_model import WordFiles
from messages.charset import BLANK, CLASSES, LABELS
from messages.emission import Emission
from messages.errors import InputError
from messages.sentence import Sentence

pytest.importorskip("pyctcdecode", reason="pyctcdecode is not installed (emgtype[words])")

from emgtype.words.word_process import WAITING, open_sentences
from emgtype.words.word_reader import SentenceDecoder, WordReader, plain

CONFIG: WordsConfig = load_config().words
ARPA = """\\data\\
ngram 1=6
ngram 2=2

\\1-grams:
-3\t<unk>\t0
0\t<s>\t0
-1\t</s>\t0
-1\tcat\t-0.3
-2\tcut\t0
-1\tsat\t0

\\2-grams:
-0.2\tcat sat
-2\tcut sat

\\end\\
"""


@pytest.fixture
def files(tmp_path: Path) -> WordFiles:
    (tmp_path / "words.arpa").write_text(ARPA)
    (tmp_path / "words.txt").write_text("cat\ncut\nsat\n")
    return WordFiles(tmp_path / "words.arpa", tmp_path / "words.txt")


def path(*frames: str, times: float = 5.0) -> Emission:
    """Return an emission with a frame per word: its characters share the probability; `_` is the blank."""
    probs = np.full((len(frames), CLASSES), 1e-7)
    for row, keys in zip(probs, frames, strict=True):
        labels = [BLANK if key == "_" else LABELS[key] for key in keys]
        row[labels] = np.array([1.0, 0.8, 0.6])[: len(labels)]
    probs /= probs.sum(axis=1, keepdims=True)
    return Emission(np.log(probs).astype(np.float32), times + 0.008 * np.arange(len(frames), dtype=np.float64))


def read(emission: Emission, files: WordFiles | None = None, config: WordsConfig = CONFIG) -> Sentence | None:
    decoder = SentenceDecoder(PassageCutter(1.0, 30.0), WordReader(config, files))
    result = decoder.push(emission) + decoder.finish()
    assert len(result) <= 1
    return result[0] if result else None


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("cat_sat", "catsat"),
        ("cat sat", "cat sat"),
        ("cat⏎sat", "cat sat"),
        ("cat ⏎ sat", "cat sat"),
        ("⇧Cat", "Cat"),
        ("l⇧l", "ll"),  # it parts keys as the blank does
        ("cut⌫_⌫at", "cat"),
        ("cat ⌫sat", "catsat"),
        ("x⌫cat!", "cat!"),
    ],
)
def test_what_was_typed_is_read(typed: str, text: str) -> None:
    sentence = read(path(*typed))
    assert sentence is not None
    assert sentence.readings[0].text == text
    assert (sentence.start, round(sentence.end, 3)) == (5.0, round(5 + 0.008 * (len(typed) - 1), 3))


@pytest.mark.parametrize("typed", ["____", "⏎", "a⌫"])
def test_where_nothing_is_left_there_is_no_sentence(typed: str) -> None:
    assert read(path(*typed)) is None


def test_the_best_readings_come_with_their_scores() -> None:
    sentence = read(path("c", "ua", "t"), config=replace(CONFIG, candidates=2))
    assert sentence is not None
    assert [reading.text for reading in sentence.readings] == ["cut", "cat"]
    assert sentence.readings[0].score == sentence.readings[0].acoustic
    assert sentence.readings[0].score - sentence.readings[1].score == pytest.approx(-np.log(0.8), abs=1e-4)


@pytest.mark.parametrize(
    "typed", [("c", "ua", "t", " ", *"sat"), ("c", "ua", *"r⌫t sat"), ("C", "ua", *"t, sat"), ("c", "ua", *"t⏎sat.")]
)
def test_a_word_model_sees_what_is_left_of_the_words(files: WordFiles, typed: tuple[str, ...]) -> None:
    alone, with_model = read(path(*typed)), read(path(*typed), files)
    assert alone is not None
    assert with_model is not None
    assert (alone.readings[0].text[1], with_model.readings[0].text[1]) == ("u", "a")


def test_plain_words() -> None:
    assert [plain(word) for word in ("Cut⌫⌫at", '"cat,"', "don't", "⌫a", "!", "a⌫")] == [
        "cat",
        "cat",
        "don't",
        "a",
        "",
        "",
    ]


def test_a_word_model_that_is_none_is_refused(files: WordFiles, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for changed, sentence in (
        (replace(files, model=tmp_path / "none"), "cannot be loaded as a language model \\(no such file\\)"),
        (replace(files, model=tmp_path / "empty"), "cannot be loaded"),
        (replace(files, words=tmp_path / "none"), "cannot read words from"),
        (replace(files, words=tmp_path / "empty"), "holds no word"),
    ):
        with pytest.raises(InputError, match=sentence):
            WordReader(CONFIG, changed)


def test_a_process_of_its_own_reads_and_nobody_waits(files: WordFiles) -> None:
    config = replace(CONFIG, pause_s=0.1, longest_s=30.0)
    with open_sentences(config, files) as sentences:
        for n in range(WAITING + 20):  # more than can wait, before it can have begun to read
            sentences.push(path("c", "ua", *"t sat", *"_" * 20, times=5.0 + n))
        sentences.finish()
        result: list[Sentence] = []
        until = time.monotonic() + 60
        while len(result) + sentences.dropped < WAITING + 20 and time.monotonic() < until:
            result += sentences.poll()
            time.sleep(0.02)
    assert sentences.dropped > 0
    assert len(result) + sentences.dropped == WAITING + 20
    assert {sentence.readings[0].text for sentence in result} == {"cat sat"}
    assert result[0].start == 5.0


def test_an_orphaned_process_ends(tmp_path: Path) -> None:
    program = tmp_path / "orphan.py"
    program.write_text(
        "import os, signal\n"
        "import numpy as np\n"
        "from messages.emission import Emission\n"
        "from emgtype.config import load_config\n"
        "from emgtype.words.word_process import open_sentences\n"
        "if __name__ == '__main__':\n"
        "    with open_sentences(load_config().words, None) as sentences:\n"
        "        an_a = np.log(0.9 * np.eye(99, dtype=np.float32)[:1] + 1e-3)\n"
        "        sentences.push(Emission(an_a, np.zeros(1)))\n"
        "        sentences.finish()\n"
        "        while not sentences.poll(): pass\n"
        "        print('opened', flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The process has the same standard output, whose end is awaited: it comes when nobody has it any more.
    done = subprocess.run([sys.executable, program], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("opened\n", -9)
