"""The text that a running emgtype daemon decodes, for other programs. Needs pyzmq alone.

from emgtype_client import connect

with connect() as client:
    for event in client:
        print(client.text)
"""

from emgtype_client.aio import AsyncClient
from emgtype_client.client import Client
from emgtype_client.errors import ClientError, NoAnswerError, RefusedError
from emgtype_client.events import (
    Edit,
    Event,
    Final,
    Heartbeat,
    Joined,
    Key,
    Lost,
    Mark,
    Partial,
    Reading,
    Sentence,
    Status,
)
from emgtype_client.text import Text

connect = Client
connect_async = AsyncClient

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Edit",
    "Event",
    "Final",
    "Heartbeat",
    "Joined",
    "Key",
    "Lost",
    "Mark",
    "NoAnswerError",
    "Partial",
    "Reading",
    "RefusedError",
    "Sentence",
    "Status",
    "Text",
    "connect",
    "connect_async",
]
