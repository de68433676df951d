"""What can go wrong between a program and the daemon."""


class ClientError(Exception):
    """Something does not fit: an endpoint, keys, a message of another version. The message is one sentence."""


class NoAnswerError(ClientError):
    """Nobody answered in time: no daemon runs there, or it does not know our keys."""


class RefusedError(ClientError):
    """The daemon refused a request, and says why; nothing was changed."""
