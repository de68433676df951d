"""Wearers as the flags name them, and their lines, loaded so that those of one bundle share its encoder."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.bundles.personal_layers import known_persons
from emgtype.config import Config
from emgtype.latency import StageTimer
from emgtype.live.line import Line, LineGroup
from emgtype.models.bundle import Bundle, open_bundle
from emgtype.models.pipelines import assemble_group
from messages.errors import InputError
from messages.model_facts import Precision
from streamer.stages import Observer


def flags_of_each(
    streams: Sequence[str], bands: Sequence[tuple[str, str]], persons: Sequence[str], bundles: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the settings that the flags state for each wearer; None where a single wearer's flag was left out.

    Args:
        streams: Values of --stream.
        bands: Values of --bands.
        persons: Values of --person.
        bundles: Values of --bundle.

    Raises:
        InputError: It is not clear who has which stream, name or bundle, or two wearers have the same.
    """
    sources: list[tuple[str, ...]] = [*((name,) for name in streams), *bands]
    count = max(1, len(sources))
    if streams and bands:
        raise InputError("--stream and --bands are both given, expected one of them: give each person the same kind")
    if len(persons) != count and (persons or count > 1):
        raise InputError(
            f"--person is given {len(persons)} times, expected {count}: once for each --stream or --bands, in the "
            "same order"
        )
    _require_different("--person", persons)
    if count > 1:
        _require_different("--stream" if streams else "--bands", [name for names in sources for name in names])
    persons_or_none: Sequence[str | None] = persons or [None]
    bundle_of_each = for_each("--bundle", bundles, count)
    return [
        {
            "bundle": bundle,
            "source.stream": names[0] if len(names) == 1 else None,
            "source.bands": list(names) if len(names) > 1 else [] if names else None,
            "person": person,
            "pipeline.person": person,
        }
        for names, person, bundle in zip(sources or [()], persons_or_none, bundle_of_each, strict=True)
    ]


def for_each(flag: str, values: Sequence[str], count: int) -> list[str | None]:
    """Return the value for each wearer of a flag that is given once for all of them, or once for each; None: not given.

    Raises:
        InputError: The flag was given any other number of times.
    """
    if len(values) not in (0, 1, count):
        raise InputError(
            f"{flag} is given {len(values)} times, expected once for all or {count}: once for each --stream or "
            "--bands, in the same order"
        )
    return list(values) if len(values) == count else [*values, None][:1] * count


def _require_different(flag: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{flag} names {name!r} {names.count(name)} times: expected a different one each time")


def load_lines(configs: Sequence[Config], alone: bool | None = None) -> list[Line]:
    """Load a line for each wearer; lines of the same bundle, hop and decoder are of one group.

    A wearer alone must have the personal layer that their settings ask for; among several wearers, each gets the layer
    of their name where the bundle has one.

    Args:
        configs: Settings of each wearer.
        alone: Whether nobody else is served; None: if there is one.

    Returns:
        The lines, those of one group next to each other.

    Raises:
        InputError: A bundle or a layer is missing or does not fit.
    """
    together: dict[tuple[Path, str], list[tuple[Config, Bundle]]] = {}
    opened: dict[tuple[str, Precision], Bundle] = {}
    for config in configs:
        file = (config.bundle, config.pipeline.precision)
        bundle = opened[file] = opened.get(file) or open_bundle(*file)
        bundle.facts.require_streaming()
        shared_settings = f"{config.pipeline.hop_frames} {config.decoder}"
        together.setdefault((bundle.encoder.resolve(), shared_settings), []).append((config, bundle))
    one = len(configs) == 1 if alone is None else alone
    groups = [_load_group(members[0][1], [config for config, _ in members], alone=one) for members in together.values()]
    return [line for group in groups for line in group]


def _load_group(bundle: Bundle, configs: Sequence[Config], *, alone: bool) -> list[Line]:
    common = StageTimer()
    with_layers = [(config, "") if alone else _with_own_layer(config, bundle) for config in configs]
    timers = [common if alone else StageTimer() for _ in configs]
    observers = [_observer(timer, common) for timer in timers]
    pipelines = assemble_group(bundle, [config for config, _ in with_layers], observers, common)
    group = LineGroup(bundle, pipelines, common)
    return [
        Line(config, group, number, timer, note)
        for number, ((config, note), timer) in enumerate(zip(with_layers, timers, strict=True))
    ]


def _with_own_layer(config: Config, bundle: Bundle) -> tuple[Config, str]:
    """Return the settings with the layer of the wearer's name, and a note where only others have layers."""
    layers = known_persons(bundle.folder)
    if config.person in layers:
        return config, ""
    note = f"{bundle.folder} has layers of {', '.join(layers)}, none of {config.person}: they are decoded without"
    return replace(config, pipeline=replace(config.pipeline, person="")), note if layers else ""


def _observer(own: StageTimer, common: StageTimer) -> Observer:
    """Return an observer of the stages of one line."""

    def observe(stage: str) -> AbstractContextManager[None]:
        # Frames that still wait for a whole hop when the text is finished are encoded for this line alone.
        return common(stage) if stage == "encoder" else own(stage)

    return observe
