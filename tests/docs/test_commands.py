"""Every command of README, CONTRIBUTING and docs/ exists with its options; the quick ones are run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import click
import pytest

from emgtype.cli import app
from tests.docs.commands import PAGES, ROOT, CommandLine, command_lines

COMMANDS = [line for page in PAGES for line in command_lines(page)]
OURS = [line for line in COMMANDS if line.words[0] == "emgtype"]
# Words in capitals that stand for a value which is no file; whatever else is a placeholder may be taken as it stands.
PLACEHOLDERS = {"N": "1", "SECONDS": "1", "MINUTES": "1", "PORT": "5555", "PID": "1", "REQUEST": "status"}
# Complete commands that are not run, by their first word or by a flag, and why.
NOT_RUN = {
    **dict.fromkeys(("serve", "listen", "demo", "record"), "runs until it is stopped"),
    **dict.fromkeys(("control", "pause", "resume", "arm", "disarm", "undo", "health"), "asks a running daemon"),
    **dict.fromkeys(
        ("train", "personalise", "quantise", "export", "import", "evaluate"), "trains or decodes for minutes"
    ),
    **dict.fromkeys(("--stream", "--bands", "streams", "doctor", "calibrate"), "needs a live stream"),
    "--inject": "types into a window",
    "service": "changes the user's services",
    "flight": "needs a flight",
    "lm": "needs lmplz",
    "splits": "needs a hundred users",
    "repair": "needs a recording that was cut off",
    "--decoder": "needs pyctcdecode",
    "...": "is an outline",
}
# Exit codes other than 0 that are an answer.
EXIT_CODES: Mapping[str, set[int]] = {"data check": {0, 1}, "check": {0, 1}, "compare": {0, 1}}


@pytest.fixture
def any_path_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let click take every path, so that a command can be parsed without its files."""

    def convert(self: click.Path, value: str | os.PathLike[str], *_: object) -> object:
        return self.coerce_path_result(value)

    monkeypatch.setattr(click.Path, "convert", convert)


def path_of(words: tuple[str, ...]) -> tuple[click.Command, list[str], list[str]]:
    """Return the command that words name, the names that lead to it, and the words left over as its arguments."""
    command: click.Command = app
    names: list[str] = []
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        child = command.get_command(click.Context(command), rest[0])
        assert child is not None, f"emgtype {' '.join(names)} has no command {rest[0]!r}"
        command = child
        names.append(rest.pop(0))
    return command, names, rest


def parse(line: CommandLine) -> None:
    """Parse a command of ours as click would, and stop before it is invoked."""
    command, names, arguments = path_of(line.words[1:])
    if not arguments and not line.complete:
        return
    values = [PLACEHOLDERS.get(argument, argument) for argument in arguments]
    try:
        command.make_context(" ".join(("emgtype", *names)), values)
    except click.exceptions.Exit:
        # --help and --version end the parsing by themselves.
        assert {"-h", "--help", "--version"} & set(values)
    except click.MissingParameter:
        # An inline mention names a flag, not a whole call.
        assert not line.complete
    except click.exceptions.NoArgsIsHelpError:
        assert isinstance(command, click.Group)


@pytest.mark.usefixtures("any_path_exists")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_parsed_with_its_options(page: Path) -> None:
    wrong = []
    for line in (line for line in OURS if line.page == page):
        try:
            parse(line)
        except (click.ClickException, AssertionError) as error:
            wrong.append(f"{line}\n    {error.format_message() if isinstance(error, click.ClickException) else error}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_pages_hold_commands() -> None:
    """Else the tests of this file would pass on an empty list."""
    assert len(OURS) > 50
    assert sum(line.complete for line in OURS) > 20


def with_shared_flags(source: Path) -> str:
    """Return the text of a program and of the benchmarks that it imports, which may declare flags for it."""
    text = source.read_text(encoding="utf-8")
    shared = re.findall(r"^from benchmarks\.(\w+) import", text, re.MULTILINE)
    return text + "".join((ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8") for name in shared)


def other_programs() -> Iterator[tuple[CommandLine, str]]:
    """Yield the commands of a page that are none of emgtype's and that cannot work, and why."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in COMMANDS:
        match line.words:
            case ("make", *arguments):
                for target in arguments:
                    if re.fullmatch("[a-z-]+", target) and target not in targets:
                        yield line, f"the Makefile has no target {target}"
            case ("python", "-m", module, *arguments) if module.split(".")[0] in ("benchmarks", "tests"):
                if module == "benchmarks.NAME":
                    continue
                source = ROOT.joinpath(*module.split("."))
                source = source / "__main__.py" if source.is_dir() else source.with_suffix(".py")
                if not source.is_file():
                    yield line, f"there is no module {module}"
                    continue
                text = with_shared_flags(source)
                flags = {word.split("=")[0] for word in arguments if word.startswith("--")}
                yield from ((line, f"{module} has no flag {flag}") for flag in sorted(flags) if f'"{flag}"' not in text)
            case (program, *_) if program.startswith("scripts/") and not (ROOT / program).is_file():
                yield line, f"there is no {program}"


def test_every_benchmark_script_and_make_target_of_a_page_exists() -> None:
    wrong = [f"{line}\n    {reason}" for line, reason in other_programs()]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def runnable(line: CommandLine) -> bool:
    """Tell whether a command ends by itself within seconds, on files."""
    return line.complete and len(line.words) > 1 and line.words[1] not in NOT_RUN and not set(line.words) & set(NOT_RUN)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the files that the pages' commands name."""
    folder = tmp_path_factory.mktemp("docs")
    emgtype(folder, "simulate", "--minutes", "0.5", "--out", "session.hdf5")
    emgtype(folder, "simulate", "--people", "1-3", "--sessions", "2", "--minutes", "0.3", "--out", "data")
    emgtype(folder, "data", "convert", "session.hdf5", "labrecorder.xdf")
    emgtype(folder, "emissions", "session.hdf5", "--out", "emissions.npz")
    shutil.copy(ROOT / "config.toml", folder)
    (folder / "profiles").mkdir()
    (folder / "profiles" / "me.toml").write_text("# as the defaults\n", encoding="utf-8")
    for name in ("SESSION", "FILE", "me-1.hdf5", "me-2.hdf5"):
        (folder / name).symlink_to("session.hdf5")
    for name in ("FOLDER", "sessions"):
        (folder / name).symlink_to("data", target_is_directory=True)
    emgtype(folder, "data", "bids", "data", "--out", "BIDS")
    (folder / "lines.txt").write_text("hello world\n", encoding="utf-8")
    return folder


def emgtype(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours in a folder, with the bundles of this checkout."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-m", "emgtype.cli", *arguments]
    return subprocess.run(
        call, cwd=folder, env=environment, text=True, encoding="utf-8", capture_output=True, timeout=120, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in OURS if runnable(line)], ids=str)
def test_a_command_that_ends_within_seconds_does_what_the_page_says(
    line: CommandLine, workplace: Path, tmp_path: Path
) -> None:
    arguments = [PLACEHOLDERS.get(word, word) for word in line.words[1:]]
    for path in workplace.iterdir():
        (tmp_path / path.name).symlink_to(path)
    # An example may simulate an hour; a minute shows that the command works.
    for index, word in enumerate(arguments[:-1]):
        if word == "--minutes":
            arguments[index + 1] = "0.2"
        if word == "--people":
            arguments[index + 1] = "1-2"
    _, names, _ = path_of(line.words[1:])
    outputs = [value for flag, value in pairwise(arguments) if flag == "--out"]
    outputs += arguments[3:4] if names == ["data", "convert"] else []
    for output in outputs:
        (tmp_path / output).unlink(missing_ok=True)
    done = emgtype(tmp_path, *arguments)
    allowed = EXIT_CODES.get(" ".join(names), {0})
    assert done.returncode in allowed, f"{line}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
