"""Checksums: they identify files by their content, and show whether a file of a folder was changed."""

import hashlib
from pathlib import Path

from messages.errors import InputError

CHECKSUMS = "SHA256SUMS"
"""Name of a folder's file of checksums, as `sha256sum --check` reads it."""


def sha256(path: Path) -> str:
    """Return the hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path) -> None:
    """Write (or rewrite) SHA256SUMS over all other files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    _write(folder, {path.relative_to(folder).as_posix(): sha256(path) for path in files})


def update_checksums(folder: Path, *names: str) -> None:
    """Write (or rewrite) the lines of some files of a folder in SHA256SUMS."""
    _write(folder, {**_read(folder), **{name: sha256(folder / name) for name in names}})


def require_unchanged(path: Path) -> None:
    """Check a file against SHA256SUMS beside it; a file without a line there passes.

    Readers that trust their files need this: KenLM's crashes if its file is damaged.

    Raises:
        InputError: SHA256SUMS states another checksum.
    """
    if not path.is_file():
        return
    expected = _read(path.parent).get(path.name)
    if expected is not None and (digest := sha256(path)) != expected:
        raise InputError(
            f"{path} is damaged: its SHA-256 is {digest[:8]}…, {CHECKSUMS} beside it says another one; copy the file "
            "again, or make it anew"
        )


def _read(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {folder / CHECKSUMS}: {error}; make it anew with sha256sum, or remove it"
        ) from None
    # sha256sum puts a space or, for binary files, an asterisk in front of the name.
    return {name[1:]: digest for digest, _, name in (line.partition(" ") for line in lines)}


def _write(folder: Path, sums: dict[str, str]) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
