"""Checkpoints of strangers, read without executing anything in them.

A pickle is a program: it names callables and calls them. Here it may name what tensors and plain containers are rebuilt
with; the objects of configuration libraries, which checkpoints carry beside their weights, become inert placeholders,
never imported; any other name refuses the file.
"""

import codecs
import pickle
import tarfile
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from messages.errors import InputError

_INERT = (
    "omegaconf",
    "hydra",
    "pathlib",
    "typing",
    "datetime",
    "argparse",
    "numpy",
    "torch.optim",
    "lightning",
    "lightning_fabric",
    "pytorch_lightning",
    "pl_bolts",
    "torchmetrics",
    "emg2qwerty",
)
"""Packages whose objects a checkpoint may hold: they are kept as names and nothing of them is run."""


_ZIP = b"PK\x03\x04"
"""By which torch.load tells zip files."""


class Placeholder:
    """Stands where an object of a configuration library stood, and takes whatever is done to it in silence."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def append(self, _value: Any) -> None:
        """As a list."""

    def extend(self, _values: Any) -> None:
        """As a list."""


class _Allowed:
    """A callable that a pickle can call and do nothing else with."""

    __slots__ = ("_call",)
    _call: Callable[..., Any]

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setattr__(self, name: str, _value: Any) -> NoReturn:
        raise pickle.UnpicklingError(f"it sets {name} of a function")

    __setstate__: Any = None


class _Names(OrderedDict[Any, Any]):
    """Takes items and no attributes, which could hide its methods; torch gives a state dict's versions as one."""

    def __setstate__(self, _state: Any) -> None:
        pass


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_hooks: Any) -> torch.Tensor:
    rebuild: Callable[..., torch.Tensor] = torch._utils._rebuild_tensor_v2
    return rebuild(storage, offset, size, stride, False, OrderedDict())


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):  # what protocol 2 writes bytes with; others may unpack to any size
        raise pickle.UnpicklingError(f"it encodes with {encoding!r}")
    return codecs.encode(text, "latin1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Allowed(_Names),
    ("collections", "defaultdict"): _Allowed(lambda *_arguments: defaultdict(None)),
    ("torch._utils", "_rebuild_tensor_v2"): _Allowed(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Allowed(lambda data, *_rest: data),
    ("torch", "Size"): _Allowed(tuple),
    ("torch", "device"): _Allowed(lambda *_arguments: Placeholder()),
    ("_codecs", "encode"): _Allowed(_encoded),
    **{("torch", name): kind for name, kind in vars(torch).items() if isinstance(kind, torch.dtype)},
    **{("builtins", kind.__name__): _Allowed(kind) for kind in (set, list, dict, tuple, int, float, bool, str)},
}


class _RefusedError(Exception):
    """Names the global."""


class _Unpickler(pickle.Unpickler):
    """torch derives from it: the storages are torch's, every other name comes here."""

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module)  # what protocol 2 calls it
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        if any(module == package or module.startswith(f"{package}.") for package in _INERT):
            return type(name.rpartition(".")[2] or "Placeholder", (Placeholder,), {})
        raise _RefusedError(f"{module}.{name}")


class _RestrictedPickle:
    """What torch.load takes for the pickle module."""

    Unpickler = _Unpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """As pickle.load, restricted."""
        return _Unpickler(file, **options).load()


def _is_program(path: Path) -> bool:
    """Whether torch.load would hand the file to torch.jit, asked of the reader that it asks itself."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return False
    return "constants.pkl" in torch._C.PyTorchFileReader(str(path)).get_all_records()


def _load(path: Path) -> Any:
    if _is_program(path):
        raise _RefusedError("a program (TorchScript)")
    if tarfile.is_tarfile(path):  # of before PyTorch 0.1.10; torch would unpack it into files
        raise pickle.UnpicklingError("a tar archive")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice about weights_only, which knows no placeholders
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_RestrictedPickle)


def load_untrusted(path: Path) -> Any:
    """What a PyTorch checkpoint (zip or older) holds; tensors on the CPU.

    Raises:
        InputError: No such file, no checkpoint, or one that would run code.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint {path}: name an existing file")
    try:
        return _load(path)
    except _RefusedError as error:
        raise InputError(
            f"{path} would run {error} when it is loaded, which no checkpoint needs: it was not opened; get the "
            "weights from somebody you trust"
        ) from None
    except Exception as error:  # a broken pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is no PyTorch checkpoint ({reason}): name a file of weights") from None
