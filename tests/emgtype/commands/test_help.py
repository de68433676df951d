"""The help of every command: it has an example, which the command's own parser takes."""

import inspect
import shlex
from collections.abc import Iterator

import click
import pytest

from emgtype.cli import app


def commands(group: click.Group, call: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*call, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*call, name))


ALL = {" ".join(call): command for call, command in commands(app)}


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_an_example_that_it_can_parse(name: str) -> None:
    command = ALL[name]
    assert command.help
    examples = [line.partition(": ")[2] for line in (command.epilog or "").splitlines() if ": emgtype " in line]
    assert examples, name
    for example in examples:
        program, *words = shlex.split(example.partition(" || ")[0].partition(" | ")[0].partition("; ")[0])
        assert program == "emgtype"
        assert " ".join(words).startswith(name)
        context = click.Context(app)
        parsed: click.Command = app
        while isinstance(parsed, click.Group) and words:
            word, *words = words
            found = parsed.get_command(context, word)
            assert found is not None
            parsed = found
        with parsed.make_context(name, words):
            pass


@pytest.mark.parametrize("name", ["replay", "flight", "faults", "commit-sweep", "compare"])
def test_these_take_at_most_ten_parameters(name: str) -> None:
    callback = ALL[name].callback
    assert callback is not None
    assert 0 < len(inspect.signature(callback).parameters) <= 10
