"""The shipped bundles still make the recorded texts of simulated sessions."""

from pathlib import Path

import pytest

from tests.golden.record import CASES, decoded_text, golden_file


@pytest.mark.parametrize("name", CASES)
def test_text_is_as_recorded(name: str, tmp_path: Path) -> None:
    assert decoded_text(name, tmp_path) + "\n" == golden_file(name).read_text(encoding="utf-8")
