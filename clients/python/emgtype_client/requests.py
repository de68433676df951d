"""A request to the daemon, and what its answer means."""

import json
from typing import Any

from emgtype_client.errors import NoAnswerError, RefusedError
from emgtype_client.feed import VERSION


def request(do: str, person: str | None, arg: str | None) -> bytes:
    """The message to send."""
    fields = {"do": do, "person": person, "arg": arg}
    return json.dumps({"v": VERSION, **{name: value for name, value in fields.items() if value is not None}}).encode()


def answer(reply: bytes) -> dict[str, Any]:
    """What the daemon says.

    Raises:
        RefusedError: It refuses.
    """
    table: dict[str, Any] = json.loads(reply)
    if not table.get("ok"):
        raise RefusedError(str(table.get("error")))
    return {name: value for name, value in table.items() if name not in ("v", "ok")}


def nobody(control: str) -> NoAnswerError:
    """For an answer that does not come."""
    return NoAnswerError(f"nobody answers at {control}: start `emgtype serve`, or name its endpoints and keys")
