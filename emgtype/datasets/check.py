"""Check many session files, and the table beside them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adapters.datasets.dataset import METADATA, Dataset, open_dataset, read_entry, session_files
from adapters.sessions.check_file import check_session
from adapters.sessions.findings import Finding, error, note, some, warning
from messages.errors import InputError

Located = tuple[Path, Finding]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """List the files to check: each file as given, and all session files of a folder.

    Raises:
        InputError: A folder has no sessions.
    """
    files: list[Path] = []
    for path in paths:
        members = session_files(path) if path.is_dir() else [path]
        if not members and not (path / METADATA).is_file():
            raise InputError(f"{path} holds no session file: expected .hdf5 files")
        files += members
    return list(dict.fromkeys(files))


def check_files(files: Iterable[Path], advance: Callable[[int], None] = lambda _rows: None) -> Iterator[Located]:
    """Yield the findings of each file as soon as they are made."""
    for path in files:
        for finding in check_session(path, advance):
            yield path, finding


def check_table(folder: Path) -> Iterator[Located]:
    """Yield the differences between a folder's metadata.csv and its files; none where there is no table."""
    table = folder / METADATA
    if not table.is_file():
        return
    try:
        dataset = open_dataset(folder)
    except InputError as refusal:
        yield table, error("table", str(refusal))
        return
    files = {path.stem: path for path in session_files(folder)}
    absent = [entry.session for entry in dataset.entries if entry.session not in files]
    if absent:
        yield table, warning("missing", f"{len(absent)} of {len(dataset.entries)} files are not there: {some(absent)}")
    unnamed = sorted(set(files) - {entry.session for entry in dataset.entries})
    if unnamed:
        yield table, warning("unnamed", f"{len(unnamed)} files are not in the table: {some(unnamed)}")
    yield from ((table, finding) for finding in _differences(dataset, files))


def _differences(dataset: Dataset, files: dict[str, Path]) -> Iterator[Finding]:
    for entry in dataset.entries:
        if entry.session not in files:
            continue
        try:
            actual = read_entry(files[entry.session])
        except InputError:
            # Reported by the check of the file itself.
            continue
        if actual.user != entry.user:
            yield error("user", f"{entry.session} is of {entry.user} by the table, of {actual.user!r} by the file")
        if actual.condition != entry.condition:
            yield error(
                "condition", f"{entry.session} is {entry.condition} by the table, {actual.condition} by the file"
            )
        if actual.num_keystrokes != entry.num_keystrokes:
            counts = f"{entry.num_keystrokes} keystrokes by the table, {actual.num_keystrokes} by the file"
            yield note("counts", f"{entry.session} has {counts}")
