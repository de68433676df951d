"""Exchange of a bundle or a profile while its wearer types: loaded beside the running line, which it then replaces."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

from adapters.files.closing import Closing
from emgtype.bands.signal_report import watch_for
from emgtype.config import Config, with_profile
from emgtype.live.daemon import Daemon
from emgtype.live.line import Line
from emgtype.live.load import load_lines
from emgtype.live.outputs import Outputs
from emgtype.models.bundle import open_bundle
from emgtype.models.personal import personal_layer
from messages.errors import InputError
from streamer.quality.watch import SignalWatch

AT_RUN_TIME = ("bundle", "pipeline", "conditioner", "gate", "decoder", "inject")
"""Settings that a profile may change while the daemon runs; the others hold from its start to its end."""


@dataclass(frozen=True, slots=True)
class _Loading:
    """Lines that are being loaded."""

    lines: Future[list[Line]]
    profile: str | None
    """Profile that they were made by; None: only the bundle is another one."""
    watches: Mapping[str, SignalWatch]
    """Watch of each wearer's signal by that profile."""


class Exchange(Closing):
    """Loads and exchanges lines. Use it in a `with`, and call `attend` in every step of the daemon.

    Loading takes a second, in a thread. The exchange itself fills the new encoder's context from the samples that the
    old pipeline keeps, which takes some ten milliseconds, while new samples wait in their source.

    Args:
        daemon: Owns the lines.
        outputs: Outputs of each wearer, by name.
        log: Gets sentences about exchanges.
    """

    def __init__(self, daemon: Daemon, outputs: Mapping[str, Outputs], log: Callable[[str], None]) -> None:
        self._daemon = daemon
        self._outputs = outputs
        self._log = log
        self._loader = ThreadPoolExecutor(1, "loader")
        self._loading: _Loading | None = None
        self._error: str | None = None

    def close(self) -> None:
        """Abandon the lines that are being loaded."""
        self._loader.shutdown(wait=True, cancel_futures=True)

    def status(self) -> dict[str, Any]:
        """Return whether something is being loaded, and why the last loading failed."""
        return {"loading": self._loading is not None, "load_error": self._error}

    def reload(self, names: Sequence[str], bundle: str) -> None:
        """Begin to load another bundle for these wearers.

        Raises:
            InputError: It does not fit, or another one is being loaded; nothing changes.
        """
        self._load({name: replace(self._config(name), bundle=bundle) for name in names}, None)

    def profile(self, names: Sequence[str], profile: str) -> None:
        """Begin to load a profile for these wearers, over their present settings.

        Raises:
            InputError: As `reload`; or it changes settings that hold for the whole run.
        """
        configs = {}
        for name in names:
            old = self._config(name)
            new = configs[name] = with_profile(old, profile)
            for setting in (field.name for field in fields(Config)):
                if setting not in AT_RUN_TIME and getattr(old, setting) != getattr(new, setting):
                    raise InputError(
                        f"the profile {profile} changes [{setting}], which holds as long as the daemon runs: start "
                        f"`emgtype serve --profile {profile}`"
                    )
        self._load(configs, profile)

    def attend(self) -> None:
        """Exchange the lines that have been loaded."""
        loading = self._loading
        if loading is None or not loading.lines.done():
            return
        self._loading = None
        try:
            lines = loading.lines.result()
        except InputError as error:
            self._error = str(error)
            self._log(f"not loaded: {error}")
            return
        for group, successors in groupby(lines, lambda line: line.group):
            names = [self._exchange(successor, loading) for successor in successors]
            self._log(f"{', '.join(names)}: decoded by {group.bundle.facts.name} from here on")

    def _config(self, name: str) -> Config:
        return self._daemon.wearers[name].line.config

    def _load(self, configs: Mapping[str, Config], profile: str | None) -> None:
        watches = {}
        if profile is not None:
            layouts = {name: self._daemon.wearers[name].line.bundle.facts.layout for name in configs}
            watches = {name: watch_for(config, profile, layouts[name]) for name, config in configs.items()}
        if self._loading:
            raise InputError("another bundle is being loaded: ask again in a second")
        for name, config in configs.items():
            self._check(name, config)
        alone = len(self._daemon.wearers) == 1
        self._error = None
        lines = self._loader.submit(load_lines, list(configs.values()), alone)
        self._loading = _Loading(lines, profile, watches)

    def _check(self, name: str, config: Config) -> None:
        """Refuse settings that do not fit, as far as that shows without loading the bundle."""
        bundle = open_bundle(config.bundle, config.pipeline.precision)
        bundle.facts.require_streaming()
        bundle.facts.require(self._daemon.wearers[name].line.bundle.facts.layout)
        if config.pipeline.person:
            personal_layer(bundle, config.pipeline.person).require(bundle.facts)
        if injector := self._outputs[name].injector:
            injector.check(config.inject)

    def _exchange(self, successor: Line, loading: _Loading) -> str:
        """Let a loaded line take the place of its wearer's; return the wearer's name."""
        name = successor.name
        outputs = self._outputs[name]
        # Another bundle leaves the profile as it is.
        successor.profile = loading.profile
        self._daemon.exchange(self._daemon.wearers[name].line, successor)
        if outputs.injector:
            outputs.injector.change(successor.config.inject)
        outputs.signal.watch = loading.watches.get(name, outputs.signal.watch)
        for note in filter(None, (successor.note, successor.bundle.facts.licence_note)):
            self._log(f"{name}: {note}")
        return name
