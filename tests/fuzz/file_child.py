"""The process that reads files made worse, a folder a line; says for each what came of it, and its memory.

The parent (tests.fuzz.file_fuzz) gives it five seconds each.
"""

import json
import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.files import read

_MOST = 8 * 2**30  # bytes of address space: what asks for more gets a MemoryError, and is a fault


def main() -> None:
    """Read until there is nothing left to."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST, _MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers, sys.stdout = sys.stdout, sys.stderr
    kind = sys.argv[1]
    for line in sys.stdin:
        said = ""
        try:
            taken = read(kind, Path(line.rstrip("\n")))
        except BaseException:  # all of them are faults
            taken, said = False, traceback.format_exc()
        answer = {"taken": taken, "fault": said, "mb": _resident()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _resident() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


if __name__ == "__main__":
    main()
