"""`--inject`: the sink that types text into windows, as the commands use it."""

from collections.abc import Callable
from contextlib import ExitStack

from adapters.inject.settings import InjectSettings
from adapters.inject.sink import KeyInjector
from messages.errors import InputError


def check_flags(settings: InjectSettings, *, inject: bool, arm: bool, people: int = 1, requests: bool = False) -> None:
    """Refuse uses of `--inject` and `--arm` that make no sense.

    Args:
        settings: Of [inject].
        inject: Whether --inject was given.
        arm: Whether --arm was given.
        people: Number of wearers who are decoded.
        requests: Whether `emgtype control arm` can be asked.

    Raises:
        InputError: They make none.
    """
    if arm and not inject:
        raise InputError("--arm goes with --inject: add it, or leave --arm out")
    if inject and people > 1:
        raise InputError(f"--inject types one person's text, {people} are to be served: serve one, or leave it out")
    if inject and not (arm or requests or settings.hotkey):
        raise InputError("--inject alone types nothing, since nothing can arm it: add --arm, or set hotkey in [inject]")


def open_injector(settings: InjectSettings, log: Callable[[str], None], *, arm: bool) -> KeyInjector:
    """Open a sink that presses keys.

    Args:
        settings: Of [inject].
        log: Gets sentences about it, from any thread.
        arm: Whether to wait here until it is armed.

    Raises:
        InputError: There is no keyboard to press, or no window that it may be armed for.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(KeyInjector(settings, log))
        if settings.hotkey:
            log(f"{settings.hotkey} arms and disarms typing into the focused window")
        if arm:
            sink.arm()
            sink.await_armed()
        stack.pop_all()
    return sink
