"""Places of settings, bundles and shipped files: as named, working directory, user directory, package."""

import os
from dataclasses import dataclass
from pathlib import Path

from messages.errors import InputError

_HOME = Path.home()
USER_CONFIG = Path(os.environ.get("XDG_CONFIG_HOME") or _HOME / ".config") / "emgtype"
USER_DATA = Path(os.environ.get("XDG_DATA_HOME") or _HOME / ".local" / "share") / "emgtype"
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or _HOME / ".cache") / "emgtype"

ENCODERS = {"fp32": "encoder.onnx", "int8": "encoder.int8.onnx"}
"""Files of the encoder in a bundle; the second is optional and made from the first."""
LM_BINARY, LM_TABLES, LM_FACTS = "lm.binary", "lm.flat.npz", "lm.json"
"""Files of a language model in a bundle: KenLM's, the same as flat tables (older bundles lack them), its facts."""
WORD_MODEL, WORD_LIST = "words.binary", "words.txt"
"""Files of an optional model over words: KenLM's, and the words that it knows."""


@dataclass(frozen=True, slots=True)
class Package:
    """The files that come with emgtype: beside the modules in a wheel, one folder up in a checkout."""

    root: Path

    def find(self, name: str) -> Path:
        """Return the path of a shipped file or folder; raise FileNotFoundError where the installation lacks it."""
        for base in (self.root, self.root.parent):
            if (base / name).exists():
                return base / name
        raise FileNotFoundError(f"{name} is missing from this installation of emgtype")


PACKAGE = Package(Path(__file__).parent)


def find_bundle(name: str) -> Path:
    """Return the folder of a model bundle.

    Raises:
        InputError: No bundle has this name; the sentence says where it was looked for and which bundles there are.
    """
    bases = [Path("exported"), USER_DATA / "exported", PACKAGE.root / "exported", PACKAGE.root.parent / "exported"]
    candidates = [Path(name), *(base / name for base in bases)]
    for folder in candidates:
        if (folder / "encoder.onnx").is_file():
            return folder
    if Path(name).is_dir():
        raise InputError(f"{name} is no model bundle: it holds no encoder.onnx; name a folder made by `emgtype export`")
    bundles = sorted({p.parent.name for base in bases for p in base.glob("*/encoder.onnx")})
    raise InputError(
        f"no model bundle {name!r}: found {', '.join(bundles) or 'none'} in {bases[0]}, {bases[1]} and the package"
    )


def find_profile(name: str) -> Path:
    """Return the file of a profile: NAME.toml in ./profiles or the user's directory, or the file that is named.

    Raises:
        InputError: No profile has this name; the sentence says where it was looked for and which profiles there are.
    """
    bases = [Path("profiles"), USER_CONFIG / "profiles"]
    for path in (*([Path(name)] if name.endswith(".toml") else []), *(base / f"{name}.toml" for base in bases)):
        if path.is_file():
            return path
    profiles = sorted({path.stem for base in bases for path in base.glob("*.toml")})
    raise InputError(f"no profile {name!r}: found {', '.join(profiles) or 'none'} in {bases[0]} and {bases[1]}")
