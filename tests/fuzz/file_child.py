"""The process that reads files made worse, a folder a line; says for each what came of it, and its memory.

The parent (tests.fuzz.file_fuzz) gives it five seconds each.
"""

import json
import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.files import read
from tests.fuzz.kept import own_memory

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
        answer = {"taken": taken, "fault": said, "mb": own_memory()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
