"""The base class of everything that must be closed: it turns `close` into a `with`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """An object that is closed when its `with` ends, however it ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back the resources of this object."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
