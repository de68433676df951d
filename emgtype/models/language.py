"""KenLM language models over keys, made from text with modified Kneser-Ney smoothing (Heafield et al. 2013).

Only building needs the programs lmplz and build_binary (scripts/build_lmplz.sh makes them).
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

_SPACE_TOKEN = "▁"  # a token of its own: KenLM parts tokens at spaces
_LONGEST_ORDER = 6  # what KenLM's Python package is compiled for
_UNSEEN = 0.001  # share of a token that its keys have in common whatever the text: none is impossible
BACKSPACE_PRIOR = log(0.043) - 1.3
"""4.3 % of emg2qwerty's presses are ⌫ (Sivakumar et al. 2024), and each takes back what a key cost the language model,
1.3 nats (1.9 bits) in the middle: to take back must not be cheaper than to type."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from and how much it weighs, as its lm.json tells."""

    source: str
    """The text it was built from."""
    licence: str
    """Of that text, and so of the model."""
    weight: float = 0.65
    """On natural-log scores (1.5 on KenLM's log10 ones)."""
    bonus: float = 2.0
    """Nats per key that the model scores."""
    backspace: float = BACKSPACE_PRIOR
    """Natural log: the prior of ⌫, as dear as one more key of text and as rare as it is; 0 or below."""


def build_language_model(
    lines: Iterable[str],
    kind: str,
    out: Path,
    origin: Origin,
    *,
    order: int = _LONGEST_ORDER,
    lmplz: Path | None = None,
) -> None:
    """Write `lm.binary` (a KenLM trie, exact), the same as flat tables, and `lm.json` (its facts) into a folder.

    Args:
        lines: For kind `text` what is typed between two enters, for `words` any text.
        kind: `words`: each by itself, `</s>` is its end; `text`: running text, `</s>` is the enter after it.
        out: Folder, made if missing.
        origin: Source, licence and weights.
        order: Longest n-gram, in keys.
        lmplz: The program (default: see `find_lmplz`).

    Raises:
        InputError: Unknown kind or order, no text, or lmplz is missing or refuses the text.
    """
    if kind not in KINDS:
        raise InputError(f"a language model of kind {kind!r} is unknown: choose {' or '.join(KINDS)}")
    if not 2 <= order <= _LONGEST_ORDER:
        raise InputError(f"order {order} cannot be built: choose 2 to {_LONGEST_ORDER}")
    program = find_lmplz(lmplz)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="emgtype-lm-") as folder:
        text, arpa, binary = (Path(folder) / name for name in ("text", "arpa", "lm.binary"))
        typed: Counter[str] = Counter()
        lines = _counted(lines, typed)
        alphabet = _write_tokens(text, word_tokens(lines) if kind == "words" else text_tokens(lines))
        # Single keys are too few for their discounts to be estimated; the orders where that fails fall back, no other.
        options = ["--order", str(order), "--discount_fallback", "--memory", "1G", "--temp_prefix", f"{folder}/"]
        run_kenlm([program, *options, "--text", str(text), "--arpa", str(arpa)])
        run_kenlm([program.with_name("build_binary"), "-a", "255", "-T", f"{folder}/", "trie", str(arpa), str(binary)])
        with arpa.open(encoding="utf-8") as lines_of_arpa:
            tables = tables_from_arpa(lines_of_arpa)
        shutil.copyfile(binary, out / LM_BINARY)
        write_tables(out / LM_TABLES, tables)
    tokens = {key: token for key in KEYS if (token := _token(key, kind)) in alphabet}
    silent = (SHIFT,) if kind == "text" else ()
    priors = {**key_priors(typed, tokens, silent), BACKSPACE: round(origin.backspace, 4)}
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
    """The words of a text, lower-cased and a-z only (others are left out), each as its characters."""
    for line in lines:
        for word in re.split(r"[\s—–]+|--+", line.lower()):
            bare = word.strip("\"'’“”.,;:!?()[]*_")
            if re.fullmatch("[a-z]+", bare):
                yield list(bare)


def text_tokens(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines as the tokens of their keys; capitals are folded, keys that type no character are left out."""
    for line in lines:
        keys = labels_to_text(text_to_labels(line.strip()))
        if tokens := [token for key in keys if (token := _token(key, "text")) is not None]:
            yield tokens


def key_priors(typed: Mapping[str, int], tokens: Mapping[str, str], silent: Iterable[str]) -> dict[str, float]:
    """ln of each key's share of its token (keys without one share the end of the sentence), of a silent key's of all.

    Args:
        typed: How often each key is pressed for the text.
        tokens: Key → token.
        silent: Keys that the model does not see.
    """
    kinds: dict[str | None, list[str]] = {}
    for key in KEYS:
        if key != BACKSPACE and key not in silent:
            kinds.setdefault(tokens.get(key), []).append(key)
    shares = {key: _share(typed.get(key, 0), sum(typed.values()), len(KEYS)) for key in silent}
    for keys in kinds.values():
        together = sum(typed.get(key, 0) for key in keys)
        shares |= {key: _share(typed.get(key, 0), together, len(keys)) for key in keys}
    return {key: round(log(share), 4) for key, share in shares.items() if share < 1}


def _share(count: int, together: int, keys: int) -> float:
    if keys == 1:
        return 1.0
    return (1 - _UNSEEN) * count / together + _UNSEEN / keys if together else 1 / keys


def _counted(lines: Iterable[str], typed: Counter[str]) -> Iterator[str]:
    """The lines; while they pass, the keys pressed for them are counted, ⏎ behind each and ⇧ before what needs it."""
    for line in lines:
        labels = text_to_labels(line.strip())
        typed.update(labels_to_text(labels))
        typed[ENTER] += 1
        typed[SHIFT] += sum(map(needs_shift, labels))
        yield line


def find_lmplz(named: Path | None = None) -> Path:
    """The program as named, in ./.lmplz or on the PATH; raises InputError where there is none."""
    on_path = shutil.which("lmplz")
    found = [named] if named else [Path(".lmplz/bin/lmplz"), *([Path(on_path)] if on_path else [])]
    for program in found:
        if program.is_file():
            return program.resolve()
    raise InputError(
        f"no lmplz at {' or '.join(map(str, found))}: run scripts/build_lmplz.sh once, or name it with --lmplz"
    )


def _token(key: str, kind: str) -> str | None:
    """A key's token; None for keys outside such a model."""
    if kind == "words":
        return key if key in LABELS and "a" <= key <= "z" else None
    if key in (BACKSPACE, ENTER, SHIFT):
        return None
    return _SPACE_TOKEN if key == SPACE else key.lower()


def _write_tokens(path: Path, lines: Iterable[list[str]]) -> set[str]:
    """One line of tokens each; returns those that occurred."""
    alphabet: set[str] = set()
    with path.open("w", encoding="utf-8") as file:
        for tokens in lines:
            alphabet.update(tokens)
            file.write(" ".join(tokens) + "\n")
    if not alphabet:
        raise InputError("the text holds no word to build a language model from: name a text with words of a-z")
    return alphabet


def run_kenlm(command: Sequence[str | Path]) -> None:
    """Run one of KenLM's programs; raises InputError with what it said where that fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(f"cannot run {command[0]}: {error.strerror}; run scripts/build_lmplz.sh") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = said[-1].strip() if said else f"exit status {done.returncode}"
        raise InputError(f"{Path(command[0]).name} refused the text: {reason}; a longer text or a lower order may help")
