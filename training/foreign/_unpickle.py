"""Reads checkpoints from untrusted sources without executing anything in them.

A pickle is a program: it names callables and calls them. Plan:

1. The callables that rebuild tensors and plain containers are allowed, wrapped so that a pickle can only call them.
2. Checkpoints also carry objects of configuration libraries beside their weights. These become inert placeholders;
   their modules are never imported.
3. Any other name refuses the file. So do TorchScript programs and tar archives, which torch would run or unpack.
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
"""Packages whose objects a checkpoint may hold: placeholders replace them, and none of their code runs."""

_ZIP = b"PK\x03\x04"
"""First bytes by which torch.load recognises zip files."""


class Placeholder:
    """Replaces an object of a configuration library, and ignores every operation on it."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def append(self, _value: Any) -> None:
        """Ignore the element of a list."""

    def extend(self, _values: Any) -> None:
        """Ignore the elements of a list."""


class _Allowed:
    """A callable that a pickle can call, and nothing else."""

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
    """A dict without attributes, which could hide its methods; torch sets the versions of a state dict as one."""

    def __setstate__(self, _state: Any) -> None:
        pass


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_hooks: Any) -> torch.Tensor:
    rebuild: Callable[..., torch.Tensor] = torch._utils._rebuild_tensor_v2
    return rebuild(storage, offset, size, stride, False, OrderedDict())


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    # Protocol 2 writes bytes in latin1; other codecs may unpack to any size.
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it encodes with {encoding!r}")
    return codecs.encode(text, "latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
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
    """A name in the file that is neither allowed nor inert; the message is the name."""


class _Unpickler(pickle.Unpickler):
    """An unpickler that resolves allowed names alone; torch derives from it and resolves its storages by itself."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the object of a name in the file, or a placeholder class; raises _RefusedError for other names."""
        # Protocol 2 calls builtins by its old name.
        module = {"__builtin__": "builtins"}.get(module, module)
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if any(module == package or module.startswith(f"{package}.") for package in _INERT):
            return type(name.rpartition(".")[2] or "Placeholder", (Placeholder,), {})
        raise _RefusedError(f"{module}.{name}")


class _RestrictedPickle:
    """Replaces the module pickle in torch.load."""

    Unpickler = _Unpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """Load a pickle with the restricted unpickler."""
        return _Unpickler(file, **options).load()


def _is_program(path: Path) -> bool:
    """Return whether torch.load would hand the file to torch.jit; the same reader tells as in torch.load."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return False
    return "constants.pkl" in torch._C.PyTorchFileReader(str(path)).get_all_records()


def _load(path: Path) -> Any:
    if _is_program(path):
        raise _RefusedError("a program (TorchScript)")
    # A format older than PyTorch 0.1.10, which torch would unpack into files.
    if tarfile.is_tarfile(path):
        raise pickle.UnpicklingError("a tar archive")
    with warnings.catch_warnings():
        # torch advises weights_only=True, which has no placeholders.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_RestrictedPickle)


def load_untrusted(path: Path) -> Any:
    """Read the content of a PyTorch checkpoint (zip or older); tensors are on the CPU.

    Raises:
        InputError: There is no such file, it is not a checkpoint, or it would run code.
    """
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}: name an existing file")
    try:
        return _load(path)
    except _RefusedError as error:
        raise InputError(
            f"{path} would run {error} when it is loaded, which no checkpoint needs: it was not opened; get the "
            "weights from a source that you trust"
        ) from None
    # A broken pickle can raise any exception.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is not a PyTorch checkpoint ({reason}): name a file of weights") from None
