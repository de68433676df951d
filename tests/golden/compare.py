"""Compare this checkout with an older one on one machine: `python -m tests.golden.compare OLD_CHECKOUT`.

It prints a table and the differences. The exit code is 1 where behaviour differs, 0 where at most words do.

Compared are:
- Events: the published messages of six simulated sessions, but for `run` and `sent`. Text, order and counts are exact,
  confidences and times to 1e-5. So is the report of --json, without the fields that depend on the machine.
- Emissions of both shipped bundles: log-probabilities bit for bit, times to 1e-5.
- Status: the names and types of the fields while `serve` decodes two bands over LSL, not their values.
- Bad inputs: the exit code and the class of the text, which is a traceback, empty, or names the culprit or not. Other
  words of the same class are listed, and are no error.
- A simulated session bit for bit, and four reports of --json.

All events are exact: the two streams and the faults go through `replay --faults`, whose clock is virtual, the former
with a fault that does nothing. Over LSL packets would arrive otherwise in each run. That replay names no endpoint: its
socket is found among the temporary files, as `*/text`. Status and heartbeat messages are left out of the events, since
a subscriber may join after the first of them.

The old commit simulates the sessions from the seeds in `outputs`. With --work they are kept, and so are its outputs.
Both checkouts need their compiled `decoder/_native*.so`. Names that change go into the tables of `renames`. It takes
140 s on two cores, 65 s with a filled --work folder, and a few seconds for most items alone (--only WORD).

It proves that a refactoring keeps the behaviour of commit 5948ccf, and is deleted at its end, together with
`bad_inputs`, `checkouts`, `differences`, `outputs` and `renames`. `published`, `record` and the test of texts stay.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.golden.bad_inputs import BAD_INPUTS, refusal
from tests.golden.checkouts import Checkout
from tests.golden.differences import TOLERANCE, Verdict, compare_forms, compare_values, compare_words
from tests.golden.outputs import (
    CASES,
    MINUTES,
    REPORTS,
    SESSIONS,
    EventCase,
    FailedError,
    emissions,
    events,
    make_session,
    report,
    simulated,
    status,
)
from tests.golden.renames import renamed_fields

HERE = Path(__file__).resolve().parents[2]
_SHOWN = 6
_RECIPE = ("bad_inputs", "checkouts", "outputs", "published")


@dataclass(frozen=True, slots=True)
class Item:
    """A comparison of one kind of output."""

    name: str
    record: Callable[[Checkout, Path], Any]
    """Returns the output of a checkout as JSON; gets the folder for its files."""
    compare: Callable[[Any, Any, Verdict], None]
    """Gets the outputs of the old and the new commit."""


def items(session: Callable[[str], Path]) -> list[Item]:
    """List everything that is compared; `session` returns the file of a session, made where it is missing."""

    def of_events(case: EventCase) -> Callable[[Checkout, Path], Any]:
        return lambda checkout, _folder: events(checkout, case, session(case.session))

    def of_emissions(bundle: str) -> Callable[[Checkout, Path], Any]:
        return lambda checkout, folder: emissions(checkout, bundle, session("ann"), folder / f"{bundle}.npz")

    def of_report(call: tuple[str, ...]) -> Callable[[Checkout, Path], Any]:
        def record(checkout: Checkout, folder: Path) -> Any:
            if "EMISSIONS" not in call:
                return report(checkout, call, session("ann"))
            file = emissions(checkout, "demo", session("ann"), folder / "decoded.npz")["file"]
            return report(checkout, tuple(file if word == "EMISSIONS" else word for word in call), session("ann"))

        return record

    def of_refusals(checkout: Checkout, _folder: Path) -> Any:
        return {bad.name: refusal(checkout, bad, session("short")) for bad in BAD_INPUTS}

    return [
        *(Item(name, of_events(case), _compare_events) for name, case in CASES.items()),
        *(Item(f"emissions of {name}", of_emissions(name), _compare_emissions) for name in ("demo", "generic")),
        Item("form of the status", lambda checkout, _folder: status(checkout, session("ann")), _compare_status),
        Item(f"{len(BAD_INPUTS)} bad inputs", of_refusals, _compare_refusals),
        Item("a simulated session", lambda checkout, _folder: simulated(checkout, "short"), _compare_json),
        *(Item(name, of_report(call), _compare_json) for name, call in REPORTS.items()),
    ]


def _compare_events(old: Any, new: Any, verdict: Verdict) -> None:
    count = len(old["messages"])
    keys = sum(len(message.get("keys", ())) for message in old["messages"])
    compare_values(old["messages"], new["messages"], verdict, "messages")
    compare_values(old["report"], new["report"], verdict, "report")
    verdict.figure = f"{count} messages with {keys} keys, largest difference {verdict.largest:.1e}"


def _compare_emissions(old: Any, new: Any, verdict: Verdict) -> None:
    with np.load(old["file"]) as before, np.load(new["file"]) as after:
        if sorted(before) != sorted(after):
            verdict.errors.append(f"the arrays {sorted(before)} became {sorted(after)}")
            return
        for name in sorted(before):
            if before[name].shape != after[name].shape:
                verdict.errors.append(f"{name}: {before[name].shape} became {after[name].shape}")
                continue
            difference = float(np.max(np.abs(before[name].astype(np.float64) - after[name]), initial=0.0))
            verdict.largest = max(verdict.largest, difference)
            exact = name != "times"
            if difference > (0.0 if exact else TOLERANCE) or before[name].dtype != after[name].dtype:
                verdict.errors.append(f"{name}: largest difference {difference:.3g}, type {after[name].dtype}")
        verdict.figure = f"{len(before['times'])} frames, largest difference {verdict.largest:.1e}"


def _compare_status(old: Any, new: Any, verdict: Verdict) -> None:
    verdict.figure = f"{compare_forms(old, new, verdict)} fields"


def _compare_refusals(old: Any, new: Any, verdict: Verdict) -> None:
    for bad in BAD_INPUTS:
        compare_words(bad.name, old[bad.name], new[bad.name], bad.names, verdict)
    verdict.figure = f"{len(verdict.warnings)} worded otherwise"


def _compare_json(old: Any, new: Any, verdict: Verdict) -> None:
    compare_values(old, new, verdict)
    verdict.figure = f"{len(json.dumps(old))} characters of JSON, largest difference {verdict.largest:.1e}"


class Comparison:
    """Both checkouts and their cached outputs.

    Args:
        old: The checkout that is right.
        new: The one that must do the same.
        work: Folder that keeps the sessions and the old outputs for the next time.
        sockets: Empty folder with a short path.
    """

    def __init__(self, old: Path, new: Path, work: Path, sockets: Path) -> None:
        for side in ("old", "new"):
            (sockets / side).mkdir()
        self._old = Checkout(old, sockets / "old", new=False)
        self._new = Checkout(new, sockets / "new", new=True)
        self._kept = work / self._old.name()
        self._fresh = work / "new"
        shutil.rmtree(self._fresh, ignore_errors=True)
        # Outputs that other code than this has recorded count no longer.
        recipe = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in _RECIPE)
        self._recipe = sha256(recipe).hexdigest()[:8]
        for folder in (self._kept, self._fresh):
            folder.mkdir(parents=True, exist_ok=True)

    def session(self, name: str) -> Path:
        """Return the file of a session; the old commit simulates it where it is missing."""
        person, donning = SESSIONS[name]
        path = self._kept / f"{name}-{person}-{donning}-{MINUTES[name]}.hdf5"
        if not path.exists():
            make_session(self._old, name, path)
        return path

    def verdict(self, item: Item) -> Verdict:
        """Record and compare an item."""
        verdict = Verdict()
        side = "old"
        try:
            old = renamed_fields(self._cached(item))
            side = "new"
            new = renamed_fields(item.record(self._new, self._fresh))
            item.compare(old, json.loads(json.dumps(new)), verdict)
        # A command that failed, or JSON that is none or lacks a field.
        except (FailedError, ValueError, LookupError, TypeError) as error:
            verdict.errors.append(f"the {side} commit: {type(error).__name__}: {error}")
        return verdict

    def _cached(self, item: Item) -> Any:
        path = self._kept / f"{item.name.replace(' ', '-')}-{self._recipe}.json"
        if not path.exists():
            text = json.dumps(item.record(self._old, self._kept))
            path.write_text(text, encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))


def compare(old: Path, new: Path, work: Path, only: Sequence[str], shown: int | None) -> int:
    """Compare items and print a table.

    Args:
        old: The checkout that is right.
        new: The one that must do the same.
        work: As of `Comparison`.
        only: Words of which an item's name has to hold one; empty: all items.
        shown: Differences of each kind to print for an item; None: all.

    Returns:
        The exit code.
    """
    began, errors = time.monotonic(), 0
    with TemporaryDirectory(prefix="golden-") as sockets:
        comparison = Comparison(old, new, work.resolve(), Path(sockets))
        chosen = [item for item in items(comparison.session) if not only or any(word in item.name for word in only)]
        for item in chosen:
            started = time.monotonic()
            verdict = comparison.verdict(item)
            errors += len(verdict.errors)
            print(f"{item.name:26} {verdict!s:20} {time.monotonic() - started:5.1f} s  {verdict.figure}", flush=True)
            for line in verdict.shown(shown):
                print(f"    {line}", flush=True)
    print(f"{len(chosen)} items in {time.monotonic() - began:.0f} s: {errors or 'no'} errors")
    return int(errors > 0)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.compare", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("old", type=Path, metavar="OLD_CHECKOUT", help="with decoder/_native*.so in it")
    parser.add_argument("--new", type=Path, default=HERE, help="the other checkout (default: this one)")
    parser.add_argument("--work", type=Path, help="keeps sessions and old outputs for the next time (default: nothing)")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="items with this in their names")
    parser.add_argument("--all", action="store_true", help="print every difference, not the first ones of each item")
    arguments = parser.parse_args()
    for root in (arguments.old, arguments.new):
        if not list(root.glob("decoder/_native*.so")):
            parser.error(f"{root} has no decoder/_native*.so: copy it there, or compile it")
    with TemporaryDirectory(prefix="golden-work-") as nowhere:
        work, shown = arguments.work or Path(nowhere), None if arguments.all else _SHOWN
        return compare(arguments.old, arguments.new, work, arguments.only, shown)


if __name__ == "__main__":
    sys.exit(main())
