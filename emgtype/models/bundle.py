"""Bundles opened, and pipelines assembled from what their facts name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.bundles.checksums import require_unchanged, sha256
from adapters.bundles.language_tables import read_tables
from adapters.bundles.personal_layers import read_person
from decoder.ctc.beam import PrefixBeam
from decoder.ctc.commit import Committer
from decoder.language.flat import FlatScorer
from decoder.language.hot_words import hot_word_graph, parse_hot_words
from decoder.language.model import LanguageModelFacts, LanguageScorer, NoLanguageModel
from emgtype.config import Config, DecoderConfig, LanguageModelConfig
from emgtype.places import ENCODERS, LM_BINARY, LM_FACTS, LM_TABLES, find_bundle
from messages.charset import KEYS
from messages.emission import Emission
from messages.errors import InputError
from messages.model_facts import BundleFacts, Precision
from streamer.activity.idle_gate import IdleGate
from streamer.arrival.gaps import MAX_GAP
from streamer.conditioning.corrections import conditioner
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.onnx_file import read_facts
from streamer.encoder.personal_layer import PersonalLayer
from streamer.encoder.stream import OnnxEncoder
from streamer.encoder.whole import FrameEncoder, open_encoder
from streamer.group import PipelineGroup
from streamer.pipeline import HISTORY, Observer, Pipeline, unobserved

if TYPE_CHECKING:
    from adapters.sessions.reader import SessionReader  # HDF5's library: serve reads no session

OFFLINE = 128
"""Frames per encoder call where nobody waits for a hop: arithmetic bounds it then, and longer blocks gain nothing."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model bundle on disk."""

    folder: Path
    facts: BundleFacts
    language_model: LanguageModelFacts | None
    """None: the bundle has none."""

    @property
    def encoder(self) -> Path:
        """The ONNX file that runs."""
        return self.folder / ENCODERS[self.facts.precision]


def open_bundle(name: str, precision: Precision = "fp32") -> Bundle:
    """Find a bundle and read its facts.

    Raises:
        InputError: No such bundle, none of this precision, or one that does not fit this daemon.
    """
    folder = find_bundle(name)
    facts = read_facts(str(_encoder(folder, precision)))
    if precision != "fp32" and facts.provenance.get("encoder_sha256") != sha256(folder / ENCODERS["fp32"]):
        raise InputError(
            f"{ENCODERS[precision]} of the bundle {folder} was made of another encoder.onnx than lies there: make it "
            "again with `emgtype quantise`"
        )
    if facts.classes != KEYS:
        raise InputError(
            f"the bundle {folder} decodes {len(facts.classes)} classes that are not emg2qwerty's {len(KEYS)} keys in "
            "their order: use another bundle"
        )
    return Bundle(folder, facts, _language_model(folder))


def _encoder(folder: Path, precision: Precision) -> Path:
    encoder = folder / ENCODERS[precision]
    if not encoder.is_file():
        raise InputError(
            f"the bundle {folder} has no {encoder.name}: run it in fp32, or make the file with `emgtype quantise`"
        )
    return encoder


def _language_model(folder: Path) -> LanguageModelFacts | None:
    if not (folder / LM_BINARY).is_file():
        return None
    if not (folder / LM_FACTS).is_file():
        raise InputError(f"{folder} has {LM_BINARY} but no {LM_FACTS} to say its alphabet: run `emgtype lm build`")
    return LanguageModelFacts.from_json((folder / LM_FACTS).read_text(encoding="utf-8", errors="replace"))


def scorer_for(bundle: Bundle, config: LanguageModelConfig) -> LanguageScorer:
    """The bundle's language model with the configured weights; none where it has none or the weight is 0.

    A bundle of before the flat tables is scored by KenLM.
    """
    return scorers_for(bundle, config, 1)[0]


def scorers_for(bundle: Bundle, config: LanguageModelConfig, people: int) -> list[LanguageScorer]:
    """One for each person, who share the tables: as `scorer_for`."""
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
    """A beam with the configured sizes and hot words."""
    language = config.language_model
    hot_words = hot_word_graph(parse_hot_words(language.hot_words, language.hot_weight_nats))
    if hot_words and isinstance(scorer, NoLanguageModel):
        scorer = NoLanguageModel(silent=False)
    return PrefixBeam(config.beam, scorer, hot_words=hot_words)


def assemble(
    bundle: Bundle,
    config: Config,
    observer: Observer = unobserved,
    tap: Callable[[Emission], None] | None = None,
    block: int | None = None,
) -> Pipeline:
    """Samples to text events with a bundle's encoder and language model (observer and tap as in Pipeline).

    `block`: frames per encoder call where that is not the hop, for what is not live (OFFLINE); the text is the same.
    """
    encoder = open_encoder(str(bundle.encoder), block or config.pipeline.hop_frames, bundle.facts)
    return _pipeline(bundle, config, encoder, scorer_for(bundle, config.decoder.language_model), observer, tap)


def assemble_group(
    bundle: Bundle, configs: Sequence[Config], observers: Sequence[Observer], together: Observer = unobserved
) -> PipelineGroup:
    """One pipeline for each person, who share the bundle's encoder and the language model's tables.

    Args:
        bundle: Of a model that streams.
        configs: Of each person, with hop and decoder the same for all.
        observers: Of each person's stages.
        together: Observes the common calls of the encoder.

    Raises:
        InputError: As `assemble`, of any of them.
    """
    batch = EncoderBatch(str(bundle.encoder), configs[0].pipeline.hop_frames, len(configs), bundle.facts)
    scorers = scorers_for(bundle, configs[0].decoder.language_model, len(configs))
    pipelines = [
        _pipeline(bundle, config, OnnxEncoder(batch, stream), scorer, observer, history=HISTORY)
        for stream, (config, scorer, observer) in enumerate(zip(configs, scorers, observers, strict=True))
    ]
    return PipelineGroup(pipelines, together)


def _pipeline(
    bundle: Bundle,
    config: Config,
    encoder: FrameEncoder,
    scorer: LanguageScorer,
    observer: Observer,
    tap: Callable[[Emission], None] | None = None,
    history: float = 0.0,
) -> Pipeline:
    decoder = Committer(beam_for(scorer, config.decoder), config.decoder.commit)
    personal = personal_layer(bundle, config.pipeline.person) if config.pipeline.person else None
    return Pipeline(
        encoder,
        decoder,
        conditioner(config.conditioner, bundle.facts.layout),
        tap=tap,
        max_gap=MAX_GAP,
        observer=observer,
        personal=personal,
        decode_hop=config.pipeline.hop_frames,
        history=history,
        gate=IdleGate(bundle.facts, config.gate) if config.gate.enabled else None,
    )


def personal_layer(bundle: Bundle, person: str) -> PersonalLayer:
    """A person's layer of a bundle.

    Raises:
        InputError: The bundle knows no such person, or the layer was learned on other weights than the bundle's.
    """
    layer, facts = read_person(bundle.folder, person)
    if facts.get("encoder_sha256") != sha256(bundle.folder / ENCODERS["fp32"]):
        raise InputError(
            f"the layer of {person!r} in {bundle.folder} was learned on another encoder.onnx than lies there: make it "
            "again with `emgtype personalise --method layer`"
        )
    return layer


def check_length(session: "SessionReader", facts: BundleFacts) -> None:
    """Raise InputError for a session shorter than one emission's receptive field."""
    needed = facts.receptive_field_samples
    if len(session) < needed:
        raise InputError(
            f"the session {session.name} has {len(session)} samples, shorter than the receptive field of {facts.name}: "
            f"expected at least {needed} ({needed / facts.layout.rate:.2f} s)"
        )
