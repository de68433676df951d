"""Files told apart by their content, and those of a folder held to what it says of them."""

import hashlib
from pathlib import Path

from messages.errors import InputError

CHECKSUMS = "SHA256SUMS"
"""A folder's file of them, as `sha256sum --check` reads it."""


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path) -> None:
    """(Re)write SHA256SUMS over all other files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    _write(folder, {path.relative_to(folder).as_posix(): sha256(path) for path in files})


def update_checksums(folder: Path, *names: str) -> None:
    """(Re)write the lines of some files of a folder in SHA256SUMS."""
    _write(folder, {**_read(folder), **{name: sha256(folder / name) for name in names}})


def require_unchanged(path: Path) -> None:
    """What readers of trusted files need: KenLM's crashes in one that is damaged.

    Raises:
        InputError: SHA256SUMS beside the file says that it was another one.
    """
    if path.is_file() and _read(path.parent).get(path.name, found := sha256(path)) != found:
        raise InputError(
            f"{path} is damaged: its SHA-256 is {found[:8]}…, {CHECKSUMS} beside it says another one; copy the file "
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
    return {name[1:]: digest for digest, _, name in (line.partition(" ") for line in lines)}  # " " or "*" before it


def _write(folder: Path, sums: dict[str, str]) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
