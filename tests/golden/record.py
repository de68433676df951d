"""Record the golden texts again: `python -m tests.golden.record`, from the checkout.

A golden text is the text that a shipped bundle decodes from 20 simulated seconds. It may change where a bundle, the
simulator or a default of the decoder is meant to change, and only then: look at `git diff tests/golden` before you
commit.
"""

import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from emgtype.cli import main
from tests.golden.published import collected, final_text, gap

FOLDER = Path(__file__).parent
_BUNDLES = FOLDER.parents[1] / "exported"
# The demo's bundle knows person 1 alone; the generic one was trained on others than these.
CASES = {
    "demo-1": ("demo", 1, 71),
    "demo-2": ("demo", 1, 72),
    "generic-1": ("generic", 3, 73),
    "generic-2": ("generic", 4, 74),
}
"""Bundle, person and donning of each case, by the name of its text's file."""
_MINUTES = 0.34
_ATTEMPTS = 20


def golden_file(name: str) -> Path:
    """Return the path of a recorded text."""
    return FOLDER / f"{name}.txt"


def decoded_text(name: str, folder: Path) -> str:
    """Simulate the session of a case in a folder and decode it; returns the final text."""
    bundle, person, donning = CASES[name]
    session, no_settings = folder / f"{name}.hdf5", folder / "empty.toml"
    # The user's own settings count only where no file is named.
    no_settings.touch()
    _call("simulate", "--person", person, "--donning", donning, "--minutes", _MINUTES, "--out", session)
    replay = (
        "replay",
        session,
        "--fast",
        "--json",
        "--config",
        no_settings,
        "--bundle",
        _BUNDLES / bundle,
        "--publish",
    )
    for attempt in range(_ATTEMPTS):
        endpoint = f"ipc://{folder}/text-{attempt}"
        with collected(partial(str, endpoint)) as messages:
            _call(*replay, "--endpoint", endpoint)
        if not (missing := gap(messages)):
            return final_text(messages)
    raise RuntimeError(f"the subscriber of {name} came too late {_ATTEMPTS} times: {missing}")


def _call(*arguments: object) -> None:
    """Call the command line in this process."""
    line, output = ["emgtype", *map(str, arguments)], StringIO()
    before, on_terminate = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = line
    try:
        with redirect_stdout(output), redirect_stderr(output):
            main()
    except SystemExit as end:
        raise RuntimeError(f"{' '.join(line)} ended with {end.code}: {output.getvalue()}") from None
    finally:
        sys.argv = before
        signal.signal(signal.SIGTERM, on_terminate)


def record() -> None:
    """Write the texts of all cases."""
    with TemporaryDirectory(prefix="golden-") as folder:
        for name in CASES:
            text = decoded_text(name, Path(folder))
            golden_file(name).write_text(text + "\n", encoding="utf-8")
            print(f"{golden_file(name)}: {len(text)} characters")


if __name__ == "__main__":
    record()
