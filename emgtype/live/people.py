"""Who is served: what the flags say of each person, and whose samples are decoded together."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.bundles.personal_layers import known_persons
from emgtype.config import Config
from emgtype.latency import StageTimer
from emgtype.models.bundle import Bundle, assemble_group, open_bundle
from messages.errors import InputError
from messages.model_facts import Precision
from streamer.group import PipelineGroup
from streamer.pipeline import Observer, Pipeline


def flags_of_each(
    streams: Sequence[str], bands: Sequence[tuple[str, str]], persons: Sequence[str], bundles: Sequence[str]
) -> list[dict[str, Any]]:
    """What the flags say of each person, by the names of the settings; one person's may be left out, as None.

    Raises:
        InputError: Flags that leave open who has which stream, name or bundle, or give one to two people.
    """
    sources: list[tuple[str, ...]] = [*((name,) for name in streams), *bands]
    people = max(1, len(sources))
    if streams and bands:
        raise InputError("--stream and --bands are both given, expected one of them: give each person the same kind")
    if len(persons) != people and (persons or people > 1):
        raise InputError(
            f"--person is given {len(persons)} times, expected {people}: once for each --stream or --bands, in the "
            "same order"
        )
    _each_once("--person", persons)
    if people > 1:
        _each_once("--stream" if streams else "--bands", [name for names in sources for name in names])
    who: Sequence[str | None] = persons or [None]
    which = for_each("--bundle", bundles, people)
    return [
        {
            "bundle": bundle,
            "source.stream": names[0] if len(names) == 1 else None,
            "source.bands": list(names) if len(names) > 1 else [] if names else None,
            "person": person,
            "pipeline.person": person,
        }
        for names, person, bundle in zip(sources or [()], who, which, strict=True)
    ]


def for_each(flag: str, values: Sequence[str], people: int) -> list[str | None]:
    """What a flag that may be given once for all, or once for each person, says of each.

    Raises:
        InputError: Given any other number of times.
    """
    if len(values) not in (0, 1, people):
        raise InputError(
            f"{flag} is given {len(values)} times, expected once for all or {people}: once for each --stream or "
            "--bands, in the same order"
        )
    return list(values) if len(values) == people else [*values, None][:1] * people


def _each_once(flag: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{flag} names {name!r} {names.count(name)} times: expected a different one each time")


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person of a run."""

    config: Config
    bundle: Bundle
    pipeline: Pipeline
    timer: StageTimer
    """Of the stages that are this person's alone."""
    note: str = ""
    """What was assumed: tell it to the user."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The LSL stream with all bands, or one stream per band."""
        return self.config.source.names


@dataclass(frozen=True, slots=True, eq=False)
class Party:
    """People who share an encoder."""

    people: tuple[Person, ...]
    pipelines: PipelineGroup
    """In the order of the people."""
    timer: StageTimer
    """Of the calls of the encoder; where somebody is alone, of their own stages, too."""


def gather(configs: Sequence[Config], alone: bool | None = None) -> list[Party]:
    """Load what everybody needs; those whose bundle, hop and decoder are the same are decoded together.

    One person alone must have the personal layer that they ask for; among several, each gets theirs where the bundle
    has one.

    Args:
        configs: Of each person.
        alone: Whether nobody else is served; None: where there is one.

    Raises:
        InputError: A bundle or layer that is missing, or does not fit.
    """
    together: dict[tuple[Path, str], list[tuple[Config, Bundle]]] = {}
    opened: dict[tuple[str, Precision], Bundle] = {}
    for config in configs:
        wanted = (config.bundle, config.pipeline.precision)
        bundle = opened[wanted] = opened.get(wanted) or open_bundle(*wanted)
        bundle.facts.require_streaming()
        alike = f"{config.pipeline.hop_frames} {config.decoder}"
        together.setdefault((bundle.encoder.resolve(), alike), []).append((config, bundle))
    one = len(configs) == 1 if alone is None else alone
    return [_party(members, alone=one) for members in together.values()]


def _party(members: Sequence[tuple[Config, Bundle]], *, alone: bool) -> Party:
    common = StageTimer()
    bundle = members[0][1]
    settled = [(config, "") if alone else _with_their_layer(config, bundle) for config, _ in members]
    timers = [common if alone else StageTimer() for _ in settled]
    observers = [_observer(timer, common) for timer in timers]
    group = assemble_group(bundle, [config for config, _ in settled], observers, common)
    people = tuple(
        Person(config, bundle, pipeline, timer, note)
        for (config, note), pipeline, timer in zip(settled, group.pipelines, timers, strict=True)
    )
    return Party(people, group, common)


def _with_their_layer(config: Config, bundle: Bundle) -> tuple[Config, str]:
    """With the layer of their name, where the bundle has one; and what is to be told."""
    known = known_persons(bundle.folder)
    if config.person in known:
        return config, ""
    note = f"{bundle.folder} has layers of {', '.join(known)}, none of {config.person}: they are decoded without"
    return replace(config, pipeline=replace(config.pipeline, person="")), note if known else ""


def _observer(own: StageTimer, common: StageTimer) -> Observer:
    def observe(stage: str) -> AbstractContextManager[None]:
        # What waits for a whole hop when a text is settled is encoded for this person alone; it is the encoder's still.
        return common(stage) if stage == "encoder" else own(stage)

    return observe
