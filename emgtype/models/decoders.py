"""The decoder that a model's facts ask for, with its language model and settings."""

from dataclasses import replace
from typing import assert_never

from adapters.bundles.checksums import require_unchanged
from adapters.bundles.language_tables import read_tables
from decoder.ctc.beam import PrefixBeam
from decoder.ctc.commit import Committer
from decoder.language.flat import FlatScorer
from decoder.language.hot_words import hot_word_graph, parse_hot_words
from decoder.language.model import LanguageScorer, NoLanguageModel
from emgtype.config import Config, DecoderConfig, LanguageModelConfig
from emgtype.models.bundle import Bundle
from emgtype.places import LM_BINARY, LM_TABLES
from messages.model_facts import CtcFacts
from streamer.stages import Decoder


def open_decoders(bundle: Bundle, config: Config, people: int = 1) -> list[Decoder]:
    """Make one decoder for each person; they share the tables of the language model."""
    match bundle.facts.decoder:
        case CtcFacts():
            scorers = scorers_for(bundle, config.decoder.language_model, people)
            return [Committer(beam_for(scorer, config.decoder), config.decoder.commit) for scorer in scorers]
        case _:
            assert_never(bundle.facts.decoder)


def scorer_for(bundle: Bundle, config: LanguageModelConfig) -> LanguageScorer:
    """Make the scorer of a bundle's language model, with the weights of the settings.

    A bundle without a language model, or a weight of 0, gives a scorer to which all texts are alike. An old bundle
    without flat tables is scored by KenLM.
    """
    return scorers_for(bundle, config, 1)[0]


def scorers_for(bundle: Bundle, config: LanguageModelConfig, people: int) -> list[LanguageScorer]:
    """Make one scorer for each person, as `scorer_for` does; they share the tables."""
    facts, tables = bundle.language_model, bundle.folder / LM_TABLES
    if facts is None or config.weight == 0:
        return [NoLanguageModel() for _ in range(people)]
    facts = replace(
        facts,
        weight=facts.weight if config.weight is None else config.weight,
        bonus=facts.bonus if config.bonus_nats is None else config.bonus_nats,
    )
    if config.backend == "kenlm" or not tables.is_file():
        from decoder.language.kenlm_scorer import load_scorer  # noqa: PLC0415 - KenLM's library is not needed otherwise

        require_unchanged(bundle.folder / LM_BINARY)
        return [load_scorer(str(bundle.folder / LM_BINARY), facts) for _ in range(people)]
    shared = read_tables(tables)
    return [FlatScorer(shared, facts) for _ in range(people)]


def beam_for(scorer: LanguageScorer, config: DecoderConfig) -> PrefixBeam:
    """Make a beam with the sizes and hot words of the settings."""
    language = config.language_model
    hot_words = hot_word_graph(parse_hot_words(language.hot_words, language.hot_weight_nats))
    if hot_words and isinstance(scorer, NoLanguageModel):
        scorer = NoLanguageModel(silent=False)
    return PrefixBeam(config.beam, scorer, hot_words=hot_words)
