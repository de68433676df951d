"""Metadata read past a graph, against what onnx writes; and files that are no models."""

from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from messages.errors import InputError
from streamer.encoder._onnx_metadata import read_metadata
from streamer.encoder.onnx_file import read_facts

PROPERTIES = {"emgtype.name": '"ä"', "empty": "", "long": 300 * "x"}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    weights = helper.make_tensor("w", onnx.TensorProto.FLOAT, [3000], 3000 * [0.5])
    model = helper.make_model(helper.make_graph([], "graph", [], [], [weights]), producer_name="somebody")
    helper.set_model_props(model, PROPERTIES)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_all_entries_are_read(written: Path) -> None:
    assert read_metadata(str(written)) == PROPERTIES


def test_a_file_cut_off_is_no_model(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-1])
    with pytest.raises(ValueError, match="ends within"):
        read_metadata(str(written))


@given(st.binary(max_size=200))
def test_any_other_file_is_refused_or_has_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    try:
        found = read_metadata(str(path))
    except ValueError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in found.items())


def test_the_runtime_says_what_is_wrong_with_a_file_that_is_no_model(tmp_path: Path) -> None:
    for content in (b"", b"text, not a model", b"\x3a\x7f"):
        (tmp_path / "encoder.onnx").write_bytes(content)
        with pytest.raises(InputError, match="cannot be loaded as an ONNX model"):
            read_facts(str(tmp_path / "encoder.onnx"))
    with pytest.raises(InputError, match="cannot be loaded"):
        read_facts(str(tmp_path / "missing.onnx"))
