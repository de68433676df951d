"""`emgtype replay --decoder pyctcdecode`, and word models: made, found, refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import kenlm
import pytest

from emgtype.config import load_config
from emgtype.models.language import find_lmplz
from emgtype.texts import load_text
from emgtype.words.word_model import WordFiles, build_word_model, plain_words, word_files
from messages.errors import InputError

Run = Callable[..., subprocess.CompletedProcess[str]]
try:
    find_lmplz()
    has_lmplz = True
except InputError:
    has_lmplz = False


def test_the_command_compares_both_decoders_on_the_text(emgtype: Run, session_file: Path) -> None:
    pytest.importorskip("pyctcdecode", reason="pyctcdecode is not installed (emgtype[words])")
    done = emgtype("compare", session_file, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["word_model"] == ""
    figures = report["decoders"]
    assert figures["emgtype"]["cer"] < figures["pyctcdecode"]["cer"] < 50
    assert len(" ".join(sentence["readings"][0]["text"] for sentence in report["sentences"])) > 20
    shown = emgtype("compare", session_file)
    assert report["sentences"][0]["readings"][0]["text"] in shown.stdout
    assert "word model: none" in shown.stdout


@pytest.mark.parametrize(
    "options",
    [["--lag", "1"], ["--commit-sweep"], ["--inject", "--arm"], ["--publish"], ["--hot-word", "x"], ["--fast"]],
)
def test_options_that_do_not_apply_to_it_are_refused(emgtype: Run, session_file: Path, options: list[str]) -> None:
    done = emgtype("compare", session_file, *options)
    assert done.returncode == 2
    assert "No such option" in done.stderr
    assert options[0] in done.stderr


def test_without_the_extra_it_says_which_one_is_missing(
    environment: dict[str, str], session_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "pyctcdecode.py").write_text("raise ModuleNotFoundError('no pyctcdecode', name='pyctcdecode')\n")
    done = subprocess.run(
        [sys.executable, "-m", "emgtype.cli", "compare", str(session_file)],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'emgtype[words]'" in done.stderr


def test_a_word_model_is_the_configured_one_or_the_bundle_s(tmp_path: Path) -> None:
    config = load_config().words
    assert word_files(tmp_path, config) is None
    for name in ("words.binary", "words.txt"):
        (tmp_path / name).touch()
    assert word_files(tmp_path, config) == WordFiles(tmp_path / "words.binary", tmp_path / "words.txt")
    mine = replace(config, model="a.arpa", unigrams="a.txt")
    assert word_files(tmp_path, mine) == WordFiles(Path("a.arpa"), Path("a.txt"))
    with pytest.raises(InputError, match="name both"):
        word_files(tmp_path, replace(config, model="a.arpa"))


def test_words_are_lower_case_without_the_marks_around_them() -> None:
    assert list(plain_words("“Call” me naïve: don’t — 3 ships!")) == ["call", "me", "naive", "don't", "3", "ships"]


@pytest.mark.skipif(not has_lmplz, reason="lmplz is not built (scripts/build_lmplz.sh)")
def test_a_word_model_is_built(tmp_path: Path) -> None:
    word_count, size = build_word_model(load_text("demo"), tmp_path / "new", order=2)
    words = (tmp_path / "new" / "words.txt").read_text().split()
    assert (len(words), size) == (word_count, (tmp_path / "new" / "words.binary").stat().st_size)
    model = kenlm.Model(str(tmp_path / "new" / "words.binary"))
    assert model.order == 2
    assert all(word in model for word in words)
    assert words.index("the") < 5
    with pytest.raises(InputError, match="order 9 cannot be built: choose 2 to 3"):
        build_word_model([], tmp_path, order=9)
    with pytest.raises(InputError, match="holds no word"):
        build_word_model(["!?"], tmp_path)
