import pytest

from adapters.files.closing import Closing


class Resource(Closing):
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_with_gives_the_object_and_closes_it_once() -> None:
    with Resource() as resource:
        assert isinstance(resource, Resource)
        assert resource.closed == 0
    assert resource.closed == 1


def test_an_error_closes_it_and_goes_on() -> None:
    resource = Resource()
    with pytest.raises(KeyError), resource:
        raise KeyError
    assert resource.closed == 1
