"""Keep results on disk, a file per model and session, so that no session is decoded twice."""

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from adapters.bundles.checksums import sha256
from adapters.files.private import open_private
from emgtype.evaluation.decoding import Decoded
from emgtype.models.bundle import Bundle
from emgtype.places import LM_BINARY, LM_FACTS, LM_TABLES
from messages.errors import InputError

_VERSION = 2
"""Version of the results: raise it when the decoder reads the same emissions differently than before."""


def model_id(bundle: Bundle, person: str = "") -> str:
    """Return a hash of the files that determine a model's readings: encoder, language model, a person's layer."""
    names = [bundle.encoder.name, LM_BINARY, LM_TABLES, LM_FACTS, *([f"persons/{person}.npz"] if person else [])]
    files = [bundle.folder / name for name in names]
    return hashlib.sha256("".join(sha256(file) for file in files if file.is_file()).encode()).hexdigest()[:16]


class Store:
    """Decoded sessions in a folder. A file that cannot be read is treated as missing and written anew."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist yet."""
        self.folder = folder

    def load(self, model: str, session: Path) -> Decoded | None:
        """Return the stored readings of a session by a model; None: there are none."""
        path = self._path(model, session)
        try:
            return None if path is None else Decoded(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, model: str, session: Path, decoded: Decoded) -> Decoded:
        """Add readings to the stored ones, and return all of them.

        Raises:
            InputError: The file cannot be written.
        """
        stored, path = self.load(model, session), self._path(model, session)
        if stored is not None:
            decoded = replace(decoded, readings={**stored.readings, **decoded.readings})
        # The session file has been removed meanwhile.
        if path is None:
            return decoded
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(".part")
            # Private, since it holds the typed text.
            with os.fdopen(open_private(half, new=False), "w", encoding="utf-8") as file:
                file.write(json.dumps(asdict(decoded), ensure_ascii=False))
            half.replace(path)
        except OSError as error:
            raise InputError(
                f"cannot write results to {self.folder}: {error.strerror}; what is there stays: make room, or name "
                "another folder with --out"
            ) from None
        return decoded

    def _path(self, model: str, session: Path) -> Path | None:
        # By name, size and time of change: to read a data set's hundreds of gigabytes takes as long as to decode it.
        try:
            facts = session.stat()
        except OSError:
            return None
        identity = hashlib.sha256(f"{session.name} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
        return self.folder / f"v{_VERSION}" / model / f"{session.stem}-{identity}.json"
