import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import emgtype

TOP_LEVEL = ("decoder", "streamer", "adapters", "simulator", "training", "emgtype")


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_each_top_level_name_is_ours_alone(name: str) -> None:
    """Plain top-level packages collide with others' in a shared environment: here nobody else may claim them."""
    module = __import__(name)
    root = Path(emgtype.__file__).parent.parent
    assert Path(str(module.__file__)).parent == root / name
    assert set(packages_distributions().get(name, ["emgtype"])) == {"emgtype"}
    elsewhere = [Path(entry) / name for entry in sys.path if entry and Path(entry).resolve() != root]
    assert not [path for path in elsewhere if (path / "__init__.py").is_file()]
