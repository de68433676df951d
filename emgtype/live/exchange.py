"""Another bundle or profile for people who type meanwhile: loaded beside what runs, and put in its place when ready."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

from adapters.files.closing import Closing
from emgtype.bands.signal_report import watch_for
from emgtype.config import Config, with_profile
from emgtype.live.daemon import Daemon
from emgtype.live.member import Member, Roster
from emgtype.live.people import Party, gather
from emgtype.models.bundle import open_bundle, personal_layer
from messages.errors import InputError
from streamer.quality.watch import SignalWatch

AT_RUN_TIME = ("bundle", "pipeline", "conditioner", "gate", "decoder", "inject")
"""Settings that a profile may change while the daemon runs; the others hold from its start to its end."""


class Exchange(Closing):
    """Use it in a `with`; `attend` is to be called in every step of the daemon.

    Loading takes a second, in a thread; the exchange itself fills the new encoder's context from the samples that the
    old pipeline keeps, some ten milliseconds, in which samples wait where they come in.

    Args:
        daemon: Whose people they are.
        roster: All of them.
        tell: Gets a sentence about what happened.
    """

    def __init__(self, daemon: Daemon, roster: Roster, tell: Callable[[str], None]) -> None:
        self._daemon = daemon
        self._roster = roster
        self._tell = tell
        self._loader = ThreadPoolExecutor(1, "loader")
        self._loading: tuple[Future[list[Party]], str | None] | None = None
        self._watches: Mapping[str, SignalWatch] = {}
        self._failed: str | None = None

    def close(self) -> None:
        """Let go of what is being loaded."""
        self._loader.shutdown(wait=True, cancel_futures=True)

    def status(self) -> dict[str, Any]:
        """Whether something is being loaded, and why the last did not come."""
        return {"loading": self._loading is not None, "load_error": self._failed}

    def reload(self, names: Sequence[str], bundle: str) -> None:
        """Another bundle for these people.

        Raises:
            InputError: It does not fit, or another one is being loaded; nothing changes.
        """
        configs = {name: self._roster.members[name].person.config for name in names}
        self._load({name: replace(config, bundle=bundle) for name, config in configs.items()}, None)

    def profile(self, names: Sequence[str], profile: str) -> None:
        """A profile for these people, over their settings as they are.

        Raises:
            InputError: As `reload`; or it changes what cannot change in a run.
        """
        wanted = {}
        for name in names:
            old = self._roster.members[name].person.config
            new = wanted[name] = with_profile(old, profile)
            for setting in (field.name for field in fields(Config)):
                if setting not in AT_RUN_TIME and getattr(old, setting) != getattr(new, setting):
                    raise InputError(
                        f"the profile {profile} changes [{setting}], which holds as long as the daemon runs: start "
                        f"`emgtype serve --profile {profile}`"
                    )
        watches = {
            name: watch_for(config, profile, self._roster.members[name].person.bundle.facts.layout)
            for name, config in wanted.items()
        }
        self._load(wanted, profile)
        self._watches = watches

    def _load(self, wanted: Mapping[str, Config], profile: str | None) -> None:
        if self._loading:
            raise InputError("another bundle is being loaded: ask again in a second")
        for name, config in wanted.items():
            self._check(self._roster.members[name], config)
        alone = len(self._roster.members) == 1
        self._failed, self._watches = None, {}
        self._loading = self._loader.submit(gather, list(wanted.values()), alone), profile

    @staticmethod
    def _check(member: Member, config: Config) -> None:
        """Raise InputError for what does not fit, as far as that is seen without loading it."""
        bundle = open_bundle(config.bundle, config.pipeline.precision)
        bundle.facts.require_streaming()
        bundle.facts.require(member.person.bundle.facts.layout)
        if config.pipeline.person:
            personal_layer(bundle, config.pipeline.person).require(bundle.facts)
        if member.keys:
            member.keys.check(config.inject)

    def attend(self) -> None:
        """Exchange what has been loaded."""
        if not self._loading or not self._loading[0].done():
            return
        (loaded, profile), self._loading = self._loading, None
        try:
            parties = loaded.result()
        except InputError as error:
            self._failed = str(error)
            self._tell(f"not loaded: {error}")
            return
        for party in parties:
            chosen = [self._roster.members[person.config.person] for person in party.people]
            for member, person in zip(chosen, party.people, strict=True):
                member.exchange(person)
                member.profile = profile or member.profile  # another bundle leaves the profile's other settings
                member.signal.watch = self._watches.get(member.name, member.signal.watch)
                for note in filter(None, (person.note, person.bundle.facts.licence_note)):
                    self._tell(f"{member.name}: {note}")
            self._roster.replace(party)
            self._daemon.regroup(party.pipelines, [member.wearer for member in chosen])
            names = ", ".join(member.name for member in chosen)
            self._tell(f"{names}: decoded by {party.people[0].bundle.facts.name} from here on")
