"""Try each part that `emgtype serve` needs by itself, and say what is wrong and what to do about it."""

import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

import numpy as np
import onnxruntime
import pylsl
import zmq

from adapters.inject.backends import open_keyboard
from adapters.lsl.source import open_sources
from emgtype.config import Config
from emgtype.extras import EXTRAS
from emgtype.live.newest import newest
from emgtype.live.sockets import ask_daemon, control_socket, publish_socket
from emgtype.models.bundle import Bundle, open_bundle
from emgtype.models.pipelines import assemble
from emgtype.places import USER_DATA
from messages.errors import InputError
from messages.signal import Chunk

_SECONDS = 2.0
"""Seconds of signal: decoded to measure the speed, and awaited from the bands."""


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """Result of trying one part."""

    part: str
    """Name of the part."""
    well: bool | None
    """Whether it works; None: it does not, but `emgtype serve` alone does not need it."""
    says: str
    """State of the part, or what is wrong with it and what to do."""


def examine(config: Config) -> Iterator[DoctorResult]:
    """Try one part after the other; a failure does not stop the next one, and no key is pressed.

    Args:
        config: Settings of the daemon.

    Yields:
        The result of each part; after a model that cannot be opened nothing more is tried.
    """
    yield DoctorResult("versions", True, _versions())
    try:
        bundle = open_bundle(config.bundle, config.pipeline.precision)
        bundle.facts.require_streaming()
    except InputError as error:
        yield DoctorResult("model", False, str(error))
        return
    layout = bundle.facts.layout
    yield DoctorResult("model", True, f"{bundle.folder}, {config.pipeline.precision}, made for {layout}")
    yield _try("speed", lambda: _speed(bundle, config))
    yield _try("bands", lambda: _bands(bundle, config))
    yield _try("sockets", lambda: _sockets(config))
    yield _try("keyboard", lambda: _keyboard(config), option="--inject")
    yield _try("room", _room)
    yield DoctorResult("extras", True, _extras())


def _try(part: str, check: Callable[[], str], *, option: str = "") -> DoctorResult:
    """Return the result of one check; `option` is the flag of `emgtype serve` without which the part is not needed."""
    failed = None if option else False
    try:
        return DoctorResult(part, True, check())
    except InputError as error:
        return DoctorResult(part, failed, str(error))
    except ModuleNotFoundError as error:
        return DoctorResult(part, failed, _missing_library(error.name or "a library", option))


def _missing_library(module: str, option: str) -> str:
    """Return the sentence about a library that is not installed, with the extra of emgtype that brings it."""
    library = module.partition(".")[0]
    package = f"'emgtype[{EXTRAS[library]}]'" if library in EXTRAS else library
    return f"{library} is not installed: pip install {package}" + (f" if you want {option}" if option else "")


def _versions() -> str:
    """Name the versions of emgtype and the libraries that it stands on."""
    liblsl = pylsl.library_version()
    libraries = [
        f"Python {platform.python_version()}",
        f"numpy {np.__version__}",
        f"onnxruntime {onnxruntime.__version__}",
        f"pylsl {metadata.version('pylsl')} with liblsl {liblsl // 100}.{liblsl % 100}",
        f"pyzmq {zmq.__version__} with libzmq {zmq.zmq_version()}",
    ]
    return f"emgtype {metadata.version('emgtype')} on {platform.platform()}: {', '.join(libraries)}"


def _speed(bundle: Bundle, config: Config) -> str:
    """Decode noise hop by hop; InputError where that takes more than half of the time that typing leaves."""
    facts, pipeline = bundle.facts, assemble(bundle, config)
    samples = config.pipeline.hop_frames * facts.front_end.hop
    hop_s = samples / facts.layout.rate
    shape = (samples, facts.layout.bands, facts.layout.electrodes)
    noise = np.random.default_rng(0).normal(scale=10.0, size=shape).astype(np.float32)
    times, durations = np.arange(samples) / facts.layout.rate, []
    for number in range(round(2 * _SECONDS / hop_s)):
        began = time.perf_counter()
        pipeline.push(Chunk(noise, times + number * hop_s, facts.layout))
        durations.append(time.perf_counter() - began)
    # The first half fills the model's context and the memory of the libraries.
    steady = durations[len(durations) // 2 :]
    figures = "{:.1f} ms of signal decoded in {:.1f} ms (median; p99 {:.1f})".format(
        *(1e3 * value for value in (hop_s, np.median(steady), np.quantile(steady, 0.99)))
    )
    if np.median(steady) > hop_s / 2:
        raise InputError(
            f"{figures}: too slow to type live; set pipeline.precision to int8, or raise pipeline.hop_frames"
        )
    return figures


def _bands(bundle: Bundle, config: Config) -> str:
    """Count the samples of the configured streams; InputError where there are none."""
    request = (config.source.names, bundle.facts.layout)
    with open_sources([request], config.source.timeout_s)[0] as source:
        samples = sum(len(chunk.times) for chunk in newest(source, _SECONDS))
    names = ", ".join(config.source.names)
    if not samples:
        raise InputError(f"{names}: found, but no sample came in {_SECONDS:g} s; switch the bands on")
    return f"{names}: {samples / _SECONDS:.0f} samples per second; `emgtype check` looks at the signal itself"


def _sockets(config: Config) -> str:
    """Ask the daemon that runs; where none answers, open its sockets and close them again."""
    try:
        people = ask_daemon(config.publish, "status", None, None)["people"]
    except InputError:
        pass
    else:
        return "a daemon runs: " + ", ".join(f"{name} {status['state']}" for name, status in people.items())
    with ExitStack() as stack:
        publish = stack.enter_context(publish_socket(config.publish))
        control = stack.enter_context(control_socket(config.publish, publish.endpoint))
        notes = [publish.note] if publish.note else []
        return "; ".join([f"{publish.endpoint} and {control.endpoint} are free", *notes])


def _keyboard(config: Config) -> str:
    """Open the keyboard of --inject and close it again, without a key press."""
    keyboard, focus = open_keyboard(config.inject)
    try:
        return f"{type(keyboard).__name__}; the focused window is {'known' if focus else 'not known'}"
    finally:
        if focus:
            focus.close()
        keyboard.close()


def _room() -> str:
    """Measure the free space of the disk that recordings go to."""
    folder = next(path for path in (USER_DATA, *USER_DATA.parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    return f"{free / 2**30:.1f} GiB free beside {folder}, where recordings go"


def _extras() -> str:
    """Name the extras of emgtype that are not installed."""
    missing = list(dict.fromkeys(extra for module, extra in EXTRAS.items() if find_spec(module) is None))
    if not missing:
        return "all are installed"
    return f"not installed, and not needed to type: {', '.join(missing)} (pip install 'emgtype[{missing[0]}]')"
