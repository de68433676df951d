"""What has befallen somebody's samples since one was last told, in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_COUNTS = {
    "gaps": "samples were missing for longer than 200 ms ({} times): the text before is final, and decoding began anew",
    "masked": "samples were missing for up to 200 ms: {} frames of 8 ms were masked",
    "stale": "{} samples came too late to be decoded",
    "repeated": "{} samples came twice or too late and were dropped",
    "reordered": "{} samples came out of order and were put back in order",
    "recounted": "a stream began to count its samples anew ({} times): what it lost before that is not known",
    "steps": "the time stamps stepped to another clock ({} times)",
    "overflows": "a subscriber did not keep up ({} times): what came while its queue was full is lost to it, as the "
    "messages' numbers tell it",
    "back": "a stream came back under its name ({} times)",
}
"""What is said when a figure of the status has grown, with by how much."""
_NUMBER = re.compile(r"[-+]?\d[\d.e+-]*")


class Happenings:
    """Figures and problems in, at each heartbeat; sentences out: each problem once as long as it lasts."""

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}
        self._known: dict[str, str] = {}

    def push(self, figures: Mapping[str, Any], problems: Sequence[str]) -> list[str]:
        """What is to be told now.

        Args:
            figures: Of the status; those that it has not are nothing to tell.
            problems: That are there, a sentence each; one whose numbers alone have changed is the same.
        """
        said = []
        for name, sentence in _COUNTS.items():
            count = int(figures.get(name) or 0)
            if count > self._counted.get(name, 0):
                said.append(sentence.format(count - self._counted.get(name, 0)))
            self._counted[name] = count
        now = {_NUMBER.sub("#", problem): problem for problem in problems}
        said += [problem for kind, problem in now.items() if kind not in self._known]
        said += [f"no longer: {problem}" for kind, problem in self._known.items() if kind not in now]
        self._known = now
        return said
