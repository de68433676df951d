"""Find and build KenLM models over words, for `emgtype[words]`."""

import string
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.bundles.checksums import update_checksums
from emgtype.config import WordsConfig
from emgtype.models.language import find_lmplz, run_kenlm
from emgtype.places import WORD_LIST, WORD_MODEL
from messages.charset import labels_to_text, text_to_labels
from messages.errors import InputError

LONGEST_ORDER = 3
"""Words of an n-gram at most."""


@dataclass(frozen=True, slots=True)
class WordFiles:
    """A word model on disk."""

    model: Path
    """KenLM's binary or an ARPA file; its words are lower-case, without punctuation around them."""
    words: Path
    """The words of the model, one per line; all other words cost an extra penalty."""


def word_files(bundle: Path, config: WordsConfig) -> WordFiles | None:
    """Return the configured word model, else the bundle's, else None.

    Raises:
        InputError: One of words.model and words.unigrams is set without the other.
    """
    if bool(config.model) != bool(config.unigrams):
        raise InputError(
            f"words.model is {config.model!r} and words.unigrams {config.unigrams!r}: name both, or neither for the "
            "bundle's"
        )
    if config.model:
        return WordFiles(Path(config.model), Path(config.unigrams))
    own = WordFiles(bundle / WORD_MODEL, bundle / WORD_LIST)
    return own if own.model.is_file() and own.words.is_file() else None


def build_word_model(
    lines: Iterable[str], out: Path, *, order: int = 3, rarest: int = 2, lmplz: Path | None = None
) -> tuple[int, int]:
    """Write `words.binary` (a KenLM trie of 8-bit values) and `words.txt` (by frequency) into a folder.

    Args:
        lines: Running text.
        out: Folder, created if missing.
        order: Words of the longest n-gram.
        rarest: N-grams of two words and more that occur less often than this are left out.
        lmplz: Path of KenLM's program (default: see `find_lmplz`).

    Returns:
        The count of words, and the bytes of the model.

    Raises:
        InputError: The order cannot be built, there is no text, or lmplz is missing or refuses the text.
    """
    if not 2 <= order <= LONGEST_ORDER:
        raise InputError(f"order {order} cannot be built: choose 2 to {LONGEST_ORDER} words")
    program = find_lmplz(lmplz)
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="emgtype-lm-") as folder:
        text, arpa = Path(folder, "text"), Path(folder, "arpa")
        with text.open("w", encoding="utf-8") as file:
            for line in lines:
                words = list(plain_words(line))
                counts.update(words)
                file.write(" ".join(words) + "\n")
        if not counts:
            raise InputError("the text holds no word to build a word model from: name another")
        pruned = ["--prune", "0", *[str(rarest - 1)] * (order - 1)]
        options = [
            "--order",
            str(order),
            *pruned,
            "--discount_fallback",
            "--memory",
            "1G",
            "--temp_prefix",
            f"{folder}/",
        ]
        run_kenlm([program, *options, "--text", str(text), "--arpa", str(arpa)])
        small = ["-q", "8", "-b", "8", "-a", "64", "-T", f"{folder}/", "trie"]
        run_kenlm([program.with_name("build_binary"), *small, str(arpa), str(out / WORD_MODEL)])
    (out / WORD_LIST).write_text("".join(f"{word}\n" for word, _ in counts.most_common()), encoding="utf-8")
    update_checksums(out, WORD_MODEL, WORD_LIST)
    return len(counts), (out / WORD_MODEL).stat().st_size


def plain_words(line: str) -> Iterator[str]:
    """Yield the words of a line in characters that have keys, lower-case, without punctuation around them."""
    for word in labels_to_text(text_to_labels(line)).split():
        if bare := word.strip(string.punctuation).lower():
            yield bare
