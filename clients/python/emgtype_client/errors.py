"""The errors between a program and the daemon."""


class ClientError(Exception):
    """Something does not fit: an endpoint, a certificate, a message of another version. The message is one sentence."""


class NoAnswerError(ClientError):
    """Nobody answered in time: no daemon runs there, or it does not know our certificate."""


class RefusedError(ClientError):
    """The daemon refused a request, for the reason in the message; nothing was changed."""
