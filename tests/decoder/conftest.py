"""A toy language model whose scores can be summed by hand, and emissions written as CTC paths."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decoder.language.flat import FlatScorer, tables_from_arpa
from decoder.language.kenlm_scorer import load_scorer
from decoder.language.model import LanguageModelFacts, LanguageScorer
from messages.charset import BLANK, CLASSES, LABELS
from messages.emission import Emission

# log10 P | token | log10 backoff
ARPA = r"""\data\
ngram 1=7
ngram 2=6
ngram 3=2

\1-grams:
-2.0	<unk>	0
0	<s>	-0.25
-0.75	</s>	0
-0.5	c	-0.125
-0.6	a	-0.375
-0.7	t	-0.0625
-1.5	z	0

\2-grams:
-0.3	<s> c	-0.03125
-0.2	c a	-0.015625
-0.4	a t	0
-0.1	t </s>	0
-0.9	c z	0
-0.55	t c	0

\3-grams:
-0.15	<s> c a
-0.35	c a t

\end\
"""

FACTS = LanguageModelFacts("words", 3, {key: key for key in "catz"}, silent=("⇧",), weight=0.5, bonus=1.25)

PathMaker = Callable[..., Emission]


@pytest.fixture(scope="session")
def arpa(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("lm") / "toy.arpa"
    path.write_text(ARPA, encoding="utf-8")
    return str(path)


def scorer_of(kind: str, arpa: str, facts: LanguageModelFacts) -> LanguageScorer:
    if kind == "kenlm":
        return load_scorer(arpa, facts)
    with Path(arpa).open(encoding="utf-8") as lines:
        return FlatScorer(tables_from_arpa(lines), facts)


@pytest.fixture(params=["flat", "kenlm"])
def make_scorer(request: pytest.FixtureRequest, arpa: str) -> Callable[[LanguageModelFacts], LanguageScorer]:
    """Return a maker of scorers of the toy model, by either program, from any facts."""
    return lambda facts: scorer_of(request.param, arpa, facts)


@pytest.fixture
def scorer(make_scorer: Callable[[LanguageModelFacts], LanguageScorer]) -> LanguageScorer:
    return make_scorer(FACTS)


@pytest.fixture(scope="session")
def ctc_path() -> PathMaker:
    def path(text: str, probability: float = 0.999999, start: float = 0.0) -> Emission:
        """Return a frame of 8 ms per character, `_` the blank: its label has `probability`, the others the rest."""
        probs = np.full((len(text), CLASSES), (1 - probability) / (CLASSES - 1))
        probs[np.arange(len(text)), [BLANK if c == "_" else LABELS[c] for c in text]] = probability
        return Emission(np.log(probs).astype(np.float32), start + np.arange(len(text), dtype=np.float64) * 0.008)

    return path


@pytest.fixture(scope="session")
def facts() -> LanguageModelFacts:
    return FACTS


@pytest.fixture(scope="session")
def babble() -> PathMaker:
    def emission(frames: int, seed: int = 0, blank: float = 6.0) -> Emission:
        """Return noise in which every key is likely now and then; c, a, t and ⌫ most often."""
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 2.0, (frames, CLASSES))
        logits[:, BLANK] += blank
        logits[:, [LABELS[key] for key in "cat⌫"]] += 2
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return Emission(logits.astype(np.float32), 7 + 0.008 * np.arange(frames, dtype=np.float64))

    return emission


@pytest.fixture(scope="session")
def scorer_of_kind() -> Callable[[str, str, LanguageModelFacts], LanguageScorer]:
    return scorer_of
