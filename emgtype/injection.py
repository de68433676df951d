"""`--inject`: the key sink as the commands use it."""

from collections.abc import Callable

from adapters.key_settings import KeySettings
from adapters.key_sink import KeySink
from decoder.errors import InputError


def check_flags(settings: KeySettings, *, inject: bool, arm: bool) -> None:
    """Whether `--inject` and `--arm` make sense together.

    Raises:
        InputError: They do not.
    """
    if arm and not inject:
        raise InputError("--arm goes with --inject: add it, or leave --arm out")
    if inject and not arm and not settings.hotkey:
        raise InputError("--inject alone types nothing, since nothing can arm it: add --arm, or set hotkey in [keys]")


def open_keys(settings: KeySettings, tell: Callable[[str], None], *, arm: bool) -> KeySink:
    """A key sink, already armed if that is asked for: it waits for the delay of the settings.

    Raises:
        InputError: There is nothing to press keys on, or no window to type into.
    """
    sink = KeySink(settings, tell)
    if arm:
        try:
            sink.arm()
            sink.await_armed()
        except BaseException:
            sink.close()
            raise
    elif settings.hotkey:
        tell(f"nothing is typed before {settings.hotkey} is pressed in the window that is meant")
    return sink
