import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from adapters.datasets.dataset import open_dataset
from adapters.sessions.reader import SessionReader
from emgtype.datasets.simulated import population, write_population
from simulator.population import population_hash

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_population_is_a_data_set_and_is_made_once(emgtype: Run, tmp_path: Path) -> None:
    arguments = ["--people", "910-911", "--sessions", 2, "--minutes", 0.4, "--jobs", 1, "--out", tmp_path / "data"]
    assert emgtype("simulate", *arguments).returncode == 0
    data = open_dataset(tmp_path / "data")
    assert data.users == ("00000910", "00000911")
    assert len(data.entries) == 4
    path = data.path("person910-1")
    with h5py.File(path) as file:
        assert json.loads(file.attrs["simulator"]) == {"population": population_hash()}
    with SessionReader(path) as session:
        assert session.user == "00000910"
    made = path.stat().st_mtime_ns
    path.with_name("person911-0.hdf5").unlink()
    again = emgtype("simulate", *arguments)
    assert again.returncode == 0
    assert path.stat().st_mtime_ns == made
    assert {p.name for p in data.folder.iterdir()} == {"metadata.csv", *(f"{e.session}.hdf5" for e in data.entries)}
    assert "4 sessions" in again.stdout


def test_what_an_interrupted_run_left_is_made_anew(tmp_path: Path) -> None:
    plans = population(tmp_path, [912], 1, 0.3, "demo")
    half = tmp_path / ".person912-0.hdf5.part"
    half.mkdir()
    (half / "person912-0.hdf5").write_bytes(b"half a file")
    assert [plan.path for plan in write_population(plans, jobs=1)] == [plans[0].path]
    with SessionReader(plans[0].path) as session:
        assert session.path.stem == "person912-0"
    assert not half.exists()


@pytest.mark.parametrize("people", ["x", "3-", "5-3-1"])
def test_a_range_that_is_none_is_told(people: str, emgtype: Run, tmp_path: Path) -> None:
    refused = emgtype("simulate", "--people", people, "--out", tmp_path)
    assert refused.returncode == 2
    assert "100-139" in refused.stderr
