"""`--inject`: the key sink as the commands use it."""

from collections.abc import Callable
from contextlib import ExitStack

from adapters.inject.settings import KeySettings
from adapters.inject.sink import KeySink
from messages.errors import InputError


def check_flags(settings: KeySettings, *, inject: bool, arm: bool, people: int = 1, requests: bool = False) -> None:
    """Whether `--inject` and `--arm` make sense.

    Args:
        settings: Of [inject].
        inject: The flag.
        arm: The flag.
        people: How many are decoded.
        requests: Whether `emgtype control arm` can be asked.

    Raises:
        InputError: They do not.
    """
    if arm and not inject:
        raise InputError("--arm goes with --inject: add it, or leave --arm out")
    if inject and people > 1:
        raise InputError(f"--inject types one person's text, {people} are to be served: serve one, or leave it out")
    if inject and not (arm or requests or settings.hotkey):
        raise InputError("--inject alone types nothing, since nothing can arm it: add --arm, or set hotkey in [inject]")


def open_keys(settings: KeySettings, tell: Callable[[str], None], *, arm: bool) -> KeySink:
    """A key sink; `arm`: wait until it is armed.

    Raises:
        InputError: There is nothing to press keys on, or no window that may be armed for.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(KeySink(settings, tell))
        if settings.hotkey:
            tell(f"{settings.hotkey} arms and disarms typing into the focused window")
        if arm:
            sink.arm()
            sink.await_armed()
        stack.pop_all()
    return sink
