"""Untrusted pickles: permitted contents of a checkpoint, and attacks that must not run."""

import os
import pickle
import sys
import tarfile
import types
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from messages.errors import InputError
from training.foreign._unpickle import Placeholder, load_untrusted

RAN: list[str] = []


def alarm(*arguments: object) -> str:
    """The function that an attack calls."""
    RAN.append(repr(arguments))
    return "x"


class Attack:
    """Pickles to a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def weights() -> "OrderedDict[str, torch.Tensor]":
    return OrderedDict(a=torch.arange(6.0).view(2, 3), b=torch.nn.Parameter(torch.ones(4)).data)


@pytest.fixture
def config_object() -> Any:
    """An object of a configuration library that is gone when the checkpoint is read."""
    library = types.ModuleType("omegaconf")

    class DictConfig:
        def __init__(self) -> None:
            self.content = {"lr": 1e-3, "path": Path("/nowhere")}

        def __reduce_ex__(self, protocol: Any) -> Any:
            return (DictConfig, (), self.__dict__, iter([1, 2]), iter([("k", 3)]))

        def append(self, value: Any) -> None:
            raise AssertionError

        def __setitem__(self, key: Any, value: Any) -> None:
            raise AssertionError

    DictConfig.__module__, DictConfig.__qualname__ = "omegaconf", "DictConfig"
    library.DictConfig = DictConfig  # type: ignore[attr-defined]
    sys.modules["omegaconf"] = library
    yield DictConfig()
    sys.modules.pop("omegaconf", None)


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_read_and_configs_become_placeholders(config_object: Any, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    content = {"state_dict": weights(), "hyper_parameters": config_object, "epoch": 3, "kinds": {1, 2}}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    del sys.modules["omegaconf"]
    read = load_untrusted(path)
    assert "omegaconf" not in sys.modules
    assert isinstance(read["hyper_parameters"], Placeholder)
    assert (read["epoch"], read["kinds"]) == (3, {1, 2})
    assert all(torch.equal(read["state_dict"][name], value) for name, value in weights().items())


@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "builtins.eval"), (exec, "builtins.exec"), (getattr, "builtins.getattr"),
     (alarm, "alarm"), (__import__, "builtins.__import__"), (pickle.loads, "loads"), (torch.load, "load")],
)  # fmt: skip
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(function: Any, named: str, zipped: bool, tmp_path: Path) -> None:
    RAN.clear()
    mark = tmp_path / "ran"
    path = tmp_path / "evil.ckpt"
    content = {"state_dict": weights(), "deep": [{"er": (Attack(function, f"touch {mark}"),)}]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=f"would run .*{named}"):
        load_untrusted(path)
    assert not RAN
    assert not mark.exists()


def raw_checkpoint(pickled: bytes, path: Path) -> Path:
    """A zip checkpoint around any pickle program."""
    torch.save({"x": torch.ones(1)}, path)
    import zipfile  # noqa: PLC0415 - only here

    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, pickled if name.endswith("/data.pkl") else data)
    return path


@pytest.mark.parametrize(
    "program",
    [
        b"(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL and REDUCE
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02cos\nsystem\nS'true'\n\x85\x81.",  # NEWOBJ
    ],
)
def test_no_way_of_naming_a_function_works(program: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"would run (os|posix)\.system"):
        load_untrusted(raw_checkpoint(program, tmp_path / "evil.ckpt"))


@pytest.mark.parametrize(
    "program",
    [
        b"ccollections\nOrderedDict\n(S'__call__'\nI1\nsb.",  # BUILD on a callable
        b"ctorch._utils\n_rebuild_tensor_v2\n}S'x'\nI1\nsb.",
        b"ctorch._utils\n_rebuild_tensor_v2\nN}S'_call'\nI1\ns\x86b.",  # slots
        b"comegaconf\nX\n)R)R.",  # an object of a placeholder is called
        b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR.",
        b"cos.path\njoin\n.",
        b"garbage",
        b"",
    ],
)
def test_tricks_are_refused_with_a_sentence_and_change_nothing(program: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a PyTorch checkpoint|would run"):
        load_untrusted(raw_checkpoint(program, tmp_path / "evil.ckpt"))
    plain = tmp_path / "plain.ckpt"
    torch.save(weights(), plain)
    assert torch.equal(load_untrusted(plain)["a"], weights()["a"])


def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name an existing file"):
        load_untrusted(tmp_path / "none.ckpt")
    text = tmp_path / "text.ckpt"
    text.write_text("hello")
    with pytest.raises(InputError, match="not a PyTorch checkpoint"):
        load_untrusted(text)
    archive = tmp_path / "old.tar"
    with tarfile.open(archive, "w") as old:
        old.add(text, "storages")
    with pytest.raises(InputError, match="tar archive"):
        load_untrusted(archive)


@pytest.mark.parametrize("end", [b"", b"PK\x05\x06"])  # what Python's zipfile takes for no zip file is one for torch
def test_a_torchscript_program_is_refused(end: bytes, tmp_path: Path) -> None:
    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    program = tmp_path / "script.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has deprecated its own format
        torch.jit.script(Twice()).save(program)  # type: ignore[no-untyped-call]
    program.write_bytes(program.read_bytes() + end)
    with pytest.raises(InputError, match=r"TorchScript|not a PyTorch checkpoint"):
        load_untrusted(program)


def test_attributes_of_a_state_dict_are_dropped(tmp_path: Path) -> None:
    program = b"ccollections\nOrderedDict\n)RS'a'\nI1\ns(dS'items'\nS'not a method'\nsb."
    assert list(load_untrusted(raw_checkpoint(program, tmp_path / "odd.ckpt")).items()) == [("a", 1)]


def test_data_types_are_data(tmp_path: Path) -> None:
    torch.save({"precision": torch.bfloat16}, tmp_path / "typed.ckpt")
    assert load_untrusted(tmp_path / "typed.ckpt") == {"precision": torch.bfloat16}
