"""A little of what `python -m tests.fuzz files` and `sockets` do at length: processes that read what is broken."""

import pytest

from tests.fuzz.file_fuzz import fuzz_files
from tests.fuzz.socket_fuzz import fuzz_sockets

INPUTS = 60


@pytest.mark.parametrize("kind", ["session", "journal", "emissions", "person", "xdf", "tables", "language_model"])
def test_files_are_taken_or_refused_and_nothing_ends_hangs_or_grows(kind: str) -> None:
    run = fuzz_files(kind, lambda inputs: inputs / INPUTS)
    assert not run.faults, str(run)
    assert run.inputs == INPUTS
    assert 0 < run.taken < INPUTS  # the first as it was written


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flight", "model"])
def test_so_are_flights_and_models(kind: str) -> None:
    run = fuzz_files(kind, lambda inputs: inputs / INPUTS)
    assert not run.faults, str(run)
    assert 0 < run.taken < INPUTS


def test_sockets_serve_good_clients_whatever_else_comes() -> None:
    run = fuzz_sockets(lambda inputs: inputs / INPUTS)
    assert not run.faults, str(run)
    assert run.served == INPUTS // 20
    assert run.received
