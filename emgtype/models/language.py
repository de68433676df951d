"""Building KenLM language models over keys, with modified Kneser-Ney smoothing (Heafield et al. 2013).

Building needs the programs lmplz and build_binary, which scripts/build_lmplz.sh compiles; running a model does not.
"""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from adapters.bundles.checksums import update_checksums
from adapters.bundles.language_tables import write_tables
from decoder.language.flat import tables_from_arpa
from decoder.language.model import KINDS, LanguageModelFacts
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from messages.charset import BACKSPACE, ENTER, KEYS, LABELS, SHIFT, SPACE, labels_to_text, text_to_labels
from messages.errors import InputError
from simulator.keyboard import needs_shift

_SPACE_TOKEN = "▁"
"""Token of the space bar: KenLM separates tokens at spaces."""
_LONGEST_ORDER = 6
"""Longest n-gram that KenLM's Python package is compiled for."""
_UNSEEN_SHARE = 0.001
"""Share of a token that is divided equally among its keys, whatever the text: no key is impossible."""
BACKSPACE_PRIOR = log(0.043) - 1.3
"""Default prior of ⌫, natural log.

4.3 % of the presses of emg2qwerty are ⌫ (Sivakumar et al. 2024). Each takes back a key, and with it the cost of that
key in the language model, whose median is 1.3 nats (1.9 bits): taking a key back must not be cheaper than typing it.
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin and the weights of a model, as its lm.json states them."""

    source: str
    """The text that the model is built from."""
    licence: str
    """Licence of that text, and so of the model."""
    weight: float = 0.65
    """Weight of natural-log scores (1.5 for KenLM's log10 scores)."""
    bonus: float = 2.0
    """Nats per key that the model scores."""
    backspace: float = BACKSPACE_PRIOR
    """Prior of ⌫, natural log, at most 0 (see BACKSPACE_PRIOR)."""


def build_language_model(
    lines: Iterable[str],
    kind: str,
    out: Path,
    origin: Origin,
    *,
    order: int = _LONGEST_ORDER,
    lmplz: Path | None = None,
) -> None:
    """Write `lm.binary` (an exact KenLM trie), the same model as flat tables, and `lm.json` (its facts) into a folder.

    Args:
        lines: For kind `text` the texts between two enters; for `words` any text.
        kind: `words`: single words, `</s>` is the end of a word; `text`: running text, `</s>` is the enter after it.
        out: Folder; it is created if it is missing.
        origin: Source, licence and weights.
        order: Longest n-gram, in keys.
        lmplz: Path of the program; None: see `find_lmplz`.

    Raises:
        InputError: The kind or order is unknown, there is no text, or lmplz is missing or refuses the text.
    """
    if kind not in KINDS:
        raise InputError(f"a language model of kind {kind!r} is unknown: choose {' or '.join(KINDS)}")
    if not 2 <= order <= _LONGEST_ORDER:
        raise InputError(f"order {order} cannot be built: choose 2 to {_LONGEST_ORDER}")
    program = find_lmplz(lmplz)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="emgtype-lm-") as folder:
        text, arpa, binary = (Path(folder) / name for name in ("text", "arpa", "lm.binary"))
        press_counts: Counter[str] = Counter()
        lines = _count_presses(lines, press_counts)
        alphabet = _write_tokens(text, word_tokens(lines) if kind == "words" else text_tokens(lines))
        # There are too few single keys to estimate their discounts: the orders where that fails use a fixed discount.
        options = ["--order", str(order), "--discount_fallback", "--memory", "1G", "--temp_prefix", f"{folder}/"]
        run_kenlm([program, *options, "--text", str(text), "--arpa", str(arpa)])
        run_kenlm([program.with_name("build_binary"), "-a", "255", "-T", f"{folder}/", "trie", str(arpa), str(binary)])
        with arpa.open(encoding="utf-8") as arpa_lines:
            tables = tables_from_arpa(arpa_lines)
        shutil.copyfile(binary, out / LM_BINARY)
        write_tables(out / LM_TABLES, tables)
    tokens = {key: token for key in KEYS if (token := _token(key, kind)) in alphabet}
    silent = (SHIFT,) if kind == "text" else ()
    priors = {**key_priors(press_counts, tokens, silent), BACKSPACE: round(origin.backspace, 4)}
    facts = LanguageModelFacts(
        kind,
        order,
        tokens,
        silent,
        weight=origin.weight,
        bonus=origin.bonus,
        priors=priors,
        source=origin.source,
        licence=origin.licence,
    )
    (out / LM_FACTS).write_text(facts.to_json() + "\n", encoding="utf-8")
    update_checksums(out, LM_BINARY, LM_TABLES, LM_FACTS)


def word_tokens(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words of a text in lower case, as lists of characters; words with other letters are dropped."""
    for line in lines:
        for word in re.split(r"[\s—–]+|--+", line.lower()):
            letters = word.strip("\"'’“”.,;:!?()[]*_")
            if re.fullmatch("[a-z]+", letters):
                yield list(letters)


def text_tokens(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield lines as the tokens of their keys, in lower case; keys that type no character are dropped."""
    for line in lines:
        keys = labels_to_text(text_to_labels(line.strip()))
        if tokens := [token for key in keys if (token := _token(key, "text")) is not None]:
            yield tokens


def key_priors(press_counts: Mapping[str, int], tokens: Mapping[str, str], silent: Iterable[str]) -> dict[str, float]:
    """Return the natural log of each key's share of its token, or of all presses for a silent key; 0 is omitted.

    Args:
        press_counts: Presses of each key for the text.
        tokens: Key → token. Keys without a token share the end of the sentence.
        silent: Keys that the model does not see.
    """
    keys_by_token: dict[str | None, list[str]] = {}
    for key in KEYS:
        if key != BACKSPACE and key not in silent:
            keys_by_token.setdefault(tokens.get(key), []).append(key)
    shares = {key: _share(press_counts.get(key, 0), sum(press_counts.values()), len(KEYS)) for key in silent}
    for keys in keys_by_token.values():
        total = sum(press_counts.get(key, 0) for key in keys)
        shares |= {key: _share(press_counts.get(key, 0), total, len(keys)) for key in keys}
    return {key: round(log(share), 4) for key, share in shares.items() if share < 1}


def _share(count: int, total: int, keys: int) -> float:
    """Return the smoothed share of a key with `count` of `total` presses, among a number of keys."""
    if keys == 1:
        return 1.0
    return (1 - _UNSEEN_SHARE) * count / total + _UNSEEN_SHARE / keys if total else 1 / keys


def _count_presses(lines: Iterable[str], counts: Counter[str]) -> Iterator[str]:
    """Pass the lines through, and count the keys that type them, with ⏎ after each line and ⇧ where needed."""
    for line in lines:
        labels = text_to_labels(line.strip())
        counts.update(labels_to_text(labels))
        counts[ENTER] += 1
        counts[SHIFT] += sum(map(needs_shift, labels))
        yield line


def find_lmplz(path: Path | None = None) -> Path:
    """Find the program at `path`, or else in ./.lmplz or on the PATH; raises InputError if there is none."""
    on_path = shutil.which("lmplz")
    candidates = [path] if path else [Path(".lmplz/bin/lmplz"), *([Path(on_path)] if on_path else [])]
    for program in candidates:
        if program.is_file():
            return program.resolve()
    raise InputError(
        f"there is no lmplz at {' or '.join(map(str, candidates))}: run scripts/build_lmplz.sh once, or name the "
        "program with --lmplz"
    )


def _token(key: str, kind: str) -> str | None:
    """Return the token of a key; None for keys that a model of this kind does not see."""
    if kind == "words":
        return key if key in LABELS and "a" <= key <= "z" else None
    if key in (BACKSPACE, ENTER, SHIFT):
        return None
    return _SPACE_TOKEN if key == SPACE else key.lower()


def _write_tokens(path: Path, lines: Iterable[list[str]]) -> set[str]:
    """Write each line of tokens; return the set of tokens that occurred."""
    alphabet: set[str] = set()
    with path.open("w", encoding="utf-8") as file:
        for tokens in lines:
            alphabet.update(tokens)
            file.write(" ".join(tokens) + "\n")
    if not alphabet:
        raise InputError("the text holds no word to build a language model from: name a text with words of a-z")
    return alphabet


def run_kenlm(command: Sequence[str | Path]) -> None:
    """Run a program of KenLM; raises InputError with the last line of its output if it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(f"cannot run {command[0]}: {error.strerror}; run scripts/build_lmplz.sh") from None
    if result.returncode:
        messages = [line for line in result.stderr.splitlines() if line.strip()]
        reason = messages[-1].strip() if messages else f"exit status {result.returncode}"
        raise InputError(f"{Path(command[0]).name} refused the text: {reason}; a longer text or a lower order may help")
