"""What `emgtype serve` needs, each part tried by itself: what there is, what is wrong, and what to do about it."""

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
from emgtype.models.bundle import Bundle, assemble, open_bundle
from emgtype.places import USER_DATA
from messages.errors import InputError
from messages.signal import Chunk

_SECONDS = 2.0  # of signal: decoded to see how long that takes, heard to see whether it comes


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one part."""

    part: str
    well: bool | None
    """None: not well, but `emgtype serve` alone does not need it."""
    says: str
    """What there is, or what is wrong and what to do."""


def examine(config: Config) -> Iterator[Finding]:
    """Try one part after the other; none of them stops the next. No key is pressed."""
    yield Finding("versions", True, _versions())
    try:
        bundle = open_bundle(config.bundle, config.pipeline.precision)
        bundle.facts.require_streaming()
    except InputError as error:
        yield Finding("model", False, str(error))
        return
    layout = bundle.facts.layout
    yield Finding("model", True, f"{bundle.folder}, {config.pipeline.precision}, made for {layout}")
    yield _tried("speed", lambda: _speed(bundle, config))
    yield _tried("bands", lambda: _bands(bundle, config))
    yield _tried("sockets", lambda: _sockets(config))
    yield _tried("keyboard", lambda: _keyboard(config), needed=False)
    yield _tried("room", _room)
    yield Finding("extras", True, _extras())


def _tried(part: str, look: Callable[[], str], *, needed: bool = True) -> Finding:
    try:
        return Finding(part, True, look())
    except InputError as error:
        return Finding(part, False if needed else None, str(error))
    except ModuleNotFoundError as error:
        return Finding(part, None, f"{error.name} is not installed: pip install 'emgtype[inject]' if you want --inject")


def _versions() -> str:
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
    facts, pipeline = bundle.facts, assemble(bundle, config)
    samples = config.pipeline.hop_frames * facts.stft.hop
    hop = samples / facts.layout.rate
    shape = (samples, facts.layout.bands, facts.layout.electrodes)
    noise = np.random.default_rng(0).normal(scale=10.0, size=shape).astype(np.float32)
    times, taken = np.arange(samples) / facts.layout.rate, []
    for number in range(round(2 * _SECONDS / hop)):
        began = time.perf_counter()
        pipeline.push(Chunk(noise, times + number * hop, facts.layout))
        taken.append(time.perf_counter() - began)
    settled = taken[len(taken) // 2 :]  # the first fill the model's context, and libraries' memory
    said = "{:.1f} ms of signal decoded in {:.1f} ms (median; p99 {:.1f})".format(
        *(1e3 * value for value in (hop, np.median(settled), np.quantile(settled, 0.99)))
    )
    if np.median(settled) > hop / 2:
        raise InputError(f"{said}: too slow to type live; set pipeline.precision to int8, or raise pipeline.hop_frames")
    return said


def _bands(bundle: Bundle, config: Config) -> str:
    wanted = [(config.source.names, bundle.facts.layout)]
    with open_sources(wanted, config.source.timeout_s)[0] as source:
        heard = sum(len(chunk.times) for chunk in newest(source, _SECONDS))
    names = ", ".join(config.source.names)
    if not heard:
        raise InputError(f"{names}: there, but no sample came in {_SECONDS:g} s; switch the bands on")
    return f"{names}: {heard / _SECONDS:.0f} samples per second; `emgtype check` looks at the signal itself"


def _sockets(config: Config) -> str:
    try:
        people = ask_daemon(config.publish, "status", None, None)["people"]
    except InputError:
        pass
    else:
        return "a daemon runs: " + ", ".join(f"{name} {status['state']}" for name, status in people.items())
    with ExitStack() as stack:
        published = stack.enter_context(publish_socket(config.publish))
        asked = stack.enter_context(control_socket(config.publish, published.endpoint))
        notes = [note for note in (published.note,) if note]
        return "; ".join([f"{published.endpoint} and {asked.endpoint} are free", *notes])


def _keyboard(config: Config) -> str:
    keyboard, focus = open_keyboard(config.inject)
    try:
        return f"{type(keyboard).__name__}; which window has the focus is {'known' if focus else 'not known'}"
    finally:
        if focus:
            focus.close()
        keyboard.close()


def _room() -> str:
    folder = next(path for path in (USER_DATA, *USER_DATA.parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    return f"{free / 2**30:.1f} GiB free beside {folder}, where recordings go"


def _extras() -> str:
    missing = list(dict.fromkeys(extra for module, extra in EXTRAS.items() if find_spec(module) is None))
    if not missing:
        return "all are installed"
    return f"not installed, and not needed to type: {', '.join(missing)} (pip install 'emgtype[{missing[0]}]')"
