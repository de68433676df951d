"""The groups of tests that a machine may lack something for, and how to have them."""

import re
from collections import Counter
from collections.abc import Iterable

# group: words of the reason for a skip, what makes its tests run. The first that matches counts.
GROUPS = {
    "braindecode": ("braindecode", "make test-peers"),
    "ray": ("'ray'", "make test-peers"),
    "lmplz": ("lmplz", "scripts/build_lmplz.sh"),
    "uinput": ("/dev/uinput", "a machine with that device: modprobe uinput, as root"),
    "windows": ("Xvfb|xterm|xdotool|setxkbmap", "apt install xvfb xterm xdotool x11-xkb-utils"),
    "layouts": ("libxkbcommon", "apt install libxkbcommon0"),
    "javascript": ("node|npm", "npm ci --prefix clients/javascript"),
    "small disk": ("mount", "root, on a machine that lets it mount"),
    "extras": ("could not import|not installed|python-xlib", "pip install 'emgtype[dev,train,words]'"),
    "other": ("", "pytest -rs tells the reasons"),
}


def not_run(reasons: Iterable[str], long: int) -> str:
    """Return one line on the tests that were not run; empty where there are none.

    Args:
        reasons: Of each skipped test, in words.
        long: Count of the long tests that were left out.
    """
    counts = Counter(next(group for group, (words, _) in GROUPS.items() if re.search(words, text)) for text in reasons)
    parts = [f"{count} {group} ({GROUPS[group][1]})" for group, count in sorted(counts.items())]
    if long:
        parts.append(f"{long} long (make test-long)")
    return f"not run: {'; '.join(parts)}" if parts else ""
