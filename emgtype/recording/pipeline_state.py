"""What a pipeline remembers, taken out of it and put into another one of the same settings, to the last bit.

Its stages keep their state in plain attributes: numbers, arrays, lists and queues of them. All of those are taken,
whatever they are called, so that a new one is not forgotten; parameters come along and do no harm. The beam and the
encoder say themselves what they know.
"""

import base64
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from decoder.ctc.beam import PrefixBeam
from messages.emission import Emission
from messages.errors import InputError
from streamer.activity.loudness import Evidence
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.stream import OnnxEncoder
from streamer.pipeline import Pipeline

State = dict[str, Any]
"""By dotted name: JSON's values, with arrays among them."""
_OURS = ("streamer", "decoder")
_PLAIN = (bool, int, float, str, type(None))
_MESSAGES = {"Emission": Emission, "Evidence": Evidence}
_BEAM, _ENCODER = "beam", "encoder"


def take_state(pipeline: Pipeline) -> State | None:
    """What a pipeline remembers; None where its language model cannot be taken along."""
    state: State = {}
    for path, owner in _parts(pipeline, ""):
        if isinstance(owner, PrefixBeam):
            if (raw := owner.state) is None:
                return None
            state[_BEAM] = base64.b64encode(raw).decode()
        elif isinstance(owner, EncoderBatch):
            continue
        for name, value in _attributes(owner):
            if _is_state(value):
                state[f"{path}{name}"] = _copied(value)
        if isinstance(owner, OnnxEncoder):
            state[_ENCODER] = owner.batch.state(owner.stream)
    return state


def put_state(pipeline: Pipeline, state: Mapping[str, Any]) -> None:
    """Have a pipeline go on as another one of the same settings would.

    Raises:
        InputError: It is of another pipeline than this; it must be reset then.
    """
    left = set(state)
    try:
        for path, owner in list(_parts(pipeline, "")):
            for name, value in _attributes(owner):
                if (key := f"{path}{name}") in left and _is_state(value):
                    left.remove(key)
                    _put(owner, name, value, state[key])
            if isinstance(owner, PrefixBeam):
                owner.state = base64.b64decode(state[_BEAM])
            if isinstance(owner, OnnxEncoder):
                owner.batch.restore(owner.stream, state[_ENCODER])
    except (ValueError, KeyError, TypeError) as error:
        raise _unfit(str(error)) from None
    if left - {_BEAM, _ENCODER}:
        raise _unfit(", ".join(left))


def _unfit(what: str) -> InputError:
    return InputError(f"what the pipeline remembered does not fit this version ({what}): use the older one")


def _parts(owner: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, owner
    for name, value in _attributes(owner):
        if _is_part(value):
            yield from _parts(value, f"{path}{name}.")


def _is_part(value: Any) -> bool:
    kind = type(value)
    if kind.__module__.split(".")[0] not in _OURS or kind.__module__ == "decoder._native":
        return False
    frozen = getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)
    return not frozen and not isinstance(value, EncoderBatch)


def _attributes(owner: Any) -> list[tuple[str, Any]]:
    slots = [slot for kind in type(owner).__mro__ for slot in getattr(kind, "__slots__", ())]
    names = [*getattr(owner, "__dict__", ()), *slots]
    return [(name, getattr(owner, name)) for name in names if hasattr(owner, name)]


def _is_state(value: Any) -> bool:
    if isinstance(value, list | tuple | deque):
        return all(map(_is_state, value))
    return isinstance(value, (*_PLAIN, np.ndarray, np.generic, *_MESSAGES.values()))


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Evidence):
        return {"Evidence": {name: _copied(each) for name, each in value._asdict().items()}}
    if isinstance(value, list | tuple | deque):
        return [_copied(each) for each in value]
    if type(value).__name__ in _MESSAGES:
        return {type(value).__name__: {field.name: _copied(getattr(value, field.name)) for field in fields(value)}}
    return value


def _put(owner: Any, name: str, before: Any, value: Any) -> None:
    made = _made(value)
    if isinstance(before, deque):
        made = deque(made, before.maxlen)
    elif isinstance(before, tuple):
        made = tuple(made)
    setattr(owner, name, made)


def _made(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list):
        return [_made(each) for each in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        return _MESSAGES[kind](**{name: _made(each) for name, each in content.items()})
    return value
