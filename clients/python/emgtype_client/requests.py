"""The messages of a request to the daemon and of its answer."""

import json
from typing import Any

from emgtype_client.errors import NoAnswerError, RefusedError
from emgtype_client.feed import VERSION


def request(do: str, person: str | None, arg: str | None) -> bytes:
    """Return the message of a request."""
    fields = {"do": do, "person": person, "arg": arg}
    return json.dumps({"v": VERSION, **{name: value for name, value in fields.items() if value is not None}}).encode()


def answer(reply: bytes) -> dict[str, Any]:
    """Return the fields of an answer.

    Raises:
        RefusedError: The daemon refuses.
    """
    table: dict[str, Any] = json.loads(reply)
    if not table.get("ok"):
        raise RefusedError(str(table.get("error")))
    return {name: value for name, value in table.items() if name not in ("v", "ok")}


def nobody(control: str) -> NoAnswerError:
    """Return the error for an answer that does not come."""
    return NoAnswerError(f"nobody answers at {control}: start `emgtype serve`, or name its endpoints and a certificate")
