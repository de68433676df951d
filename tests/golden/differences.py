"""Compare outputs: numbers with a tolerance, everything else exactly; the forms of a status; the texts of errors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-5
"""The largest difference of confidences, probabilities and times (s) that counts as none."""
_LONGEST = 160


@dataclass(slots=True)
class Verdict:
    """The result of a comparison."""

    figure: str = ""
    """The amount that was compared, in words."""
    errors: list[str] = field(default_factory=list)
    """Differences of behaviour."""
    warnings: list[str] = field(default_factory=list)
    """Differences of wording alone."""
    largest: float = 0.0
    """The largest difference of two numbers."""

    def __str__(self) -> str:
        """Name the result in one word."""
        return "differs" if self.errors else "same, but for words" if self.warnings else "same"

    def shown(self, most: int | None) -> list[str]:
        """List the first differences of each kind, errors first; None: all."""
        lines: list[str] = []
        for kind, texts in (("error", self.errors), ("words", self.warnings)):
            lines += [f"{kind}: {text}" for text in texts[:most]]
            if len(texts) > len(texts[:most]):
                lines.append(f"{kind}: and {len(texts[most:])} more (--all lists them)")
        return lines


def compare_values(old: Any, new: Any, verdict: Verdict, path: str = "") -> None:
    """Compare values of JSON, and note each difference with the path to it."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old} | {*new}):
            if name in old and name in new:
                compare_values(old[name], new[name], verdict, f"{path}.{name}" if path else name)
            else:
                verdict.errors.append(f"{path}.{name} is {'gone' if name in old else 'new'}")
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            verdict.errors.append(f"{path}: {len(old)} became {len(new)}")
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            compare_values(before, after, verdict, f"{path}[{index}]")
    elif isinstance(old, float) and isinstance(new, int | float) and not isinstance(new, bool):
        verdict.largest = max(verdict.largest, abs(old - new))
        # Written so that NaN differs; infinities are equal to themselves alone.
        if old != new and not abs(old - new) <= TOLERANCE:
            verdict.errors.append(f"{path}: {old!r} became {new!r}")
    elif type(old) is not type(new) or old != new:
        verdict.errors.append(f"{path}: {_short(old)} became {_short(new)}")


def form(value: Any) -> Any:
    """Describe a value by the names and types in it; numbers are one type."""
    if isinstance(value, dict):
        return {name: form(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    if value is None or isinstance(value, bool | str):
        return type(value).__name__
    return "number"


def compare_forms(old: Any, new: Any, verdict: Verdict, path: str = "") -> int:
    """Compare two forms, where null and an empty list fit every form; returns the number of leaves."""
    if isinstance(old, dict) and isinstance(new, dict):
        count = 0
        for name in sorted({*old} | {*new}):
            if name in old and name in new:
                count += compare_forms(old[name], new[name], verdict, f"{path}.{name}" if path else name)
            else:
                verdict.errors.append(f"{path}.{name} is {'gone' if name in old else 'new'}")
        return count
    if isinstance(old, list) and isinstance(new, list):
        return compare_forms(old[0], new[0], verdict, f"{path}[]") if old and new else 1
    if old != new and "NoneType" not in (old, new):
        verdict.errors.append(f"{path}: {_short(old)} became {_short(new)}")
    return 1


def compare_words(name: str, old: dict[str, Any], new: dict[str, Any], names: Sequence[str], verdict: Verdict) -> None:
    """Compare how a command refuses a bad input.

    Args:
        name: Of the input.
        old: `code` and `text` of the old commit.
        new: The same of the new one.
        names: Words of which the text should hold one: the file, flag or setting that is to blame.
        verdict: Gets an error where code or class differ, a warning where only the wording does.
    """
    if old["code"] != new["code"]:
        verdict.errors.append(f"{name}: exit code {old['code']} became {new['code']}{_both(old, new)}")
        return
    classes = [_text_class(output["text"], names) for output in (old, new)]
    if classes[0] != classes[1]:
        verdict.errors.append(f"{name}: {classes[0]} became {classes[1]}{_both(old, new)}")
    elif _plain(old["text"]) != _plain(new["text"]):
        verdict.warnings.append(f"{name}{_both(old, new)}")


def _text_class(text: str, names: Sequence[str]) -> str:
    if "Traceback (most recent" in text:
        return "a traceback"
    if not text.strip():
        return "no text"
    return "a text that names the culprit" if any(name in text for name in names) else "a text that names no culprit"


def _plain(text: str) -> str:
    """Replace quoted names, paths and numbers by marks."""
    text = re.sub(r"(?<!\w)(['\"]).*?\1(?!\w)", "NAME", text)
    text = re.sub(r"\S*/\S*", "PATH", text)
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", text).split())


def _both(old: dict[str, Any], new: dict[str, Any]) -> str:
    return "".join(
        f"\n      {side}: {' '.join(output['text'].split())}" for side, output in (("old", old), ("new", new))
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
