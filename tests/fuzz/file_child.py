"""Read broken files, a folder per line of input, and answer each with the outcome and the memory of this process.

The parent (tests.fuzz.file_fuzz) allows five seconds for each.
"""

import json
import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.files import read
from tests.fuzz.growth import own_memory

_MOST = 8 * 2**30  # bytes of address space: what asks for more gets a MemoryError, and is a fault


def main() -> None:
    """Read folders until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST, _MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers, sys.stdout = sys.stdout, sys.stderr
    kind = sys.argv[1]
    for line in sys.stdin:
        fault = ""
        try:
            taken = read(kind, Path(line.rstrip("\n")))
        except BaseException:  # all of them are faults
            taken, fault = False, traceback.format_exc()
        answer = {"taken": taken, "fault": fault, "mb": own_memory()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
