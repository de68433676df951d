"""The one exception that means "your input", as opposed to "our fault"."""


class InputError(Exception):
    """Something handed in from outside does not fit: a file, a stream, a model, a setting.

    The message is one sentence: what was found, what was expected, what to do. The command line
    prints it without a traceback and ends with exit code 2.
    """


class NoStateError(Exception):
    """The state of a stage cannot be read, since a library below keeps a part of it to itself."""
