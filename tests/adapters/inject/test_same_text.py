"""One run of events, and the text that each of their readers makes of it: they all follow messages/text.py."""

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from adapters.host.console import ConsoleSink
from adapters.inject._plan import RUBOUT, KeyPlan
from adapters.wire.running_text import RunningText
from emgtype.config import load_config
from emgtype.replay.key_delays import ShownKeys
from messages.charset import KEYS, text_to_labels
from messages.text import Key, KeySequence, TextEvent, render


@st.composite
def runs(draw: st.DrawFn) -> list[TextEvent]:
    """The events of a run that ends with all keys final."""
    events, tail = [], 0
    for seq in range(draw(st.integers(0, 12))):
        erase, insert = draw(st.integers(0, tail)), draw(st.text("aB ⌫⏎⇧", max_size=6))
        changeable = tail - erase + len(insert)
        tail = draw(st.integers(0, changeable))
        keys = tuple(Key(label, seq + 1.0, 1.0) for label in text_to_labels(insert))
        events.append(TextEvent(erase, keys, tail, seq + 1.0, seq))
    return [*events, TextEvent(0, (), 0, len(events) + 1.0, len(events))]


def console_text(events: list[TextEvent]) -> str:
    out = io.StringIO()
    with ConsoleSink(Console(file=out, width=200)) as sink:
        for each in events:
            sink.push(each)
    return out.getvalue()


def running_text(events: list[TextEvent]) -> str:
    running, text = RunningText(), ""
    for each in events:
        back, new = running.push(each)
        text = text[: len(text) - back] + new
    return text


def planned_text(events: list[TextEvent]) -> str:
    """What a window shows into which all planned keys are pressed, after every event."""
    plan, text = KeyPlan(replace(load_config().inject, text="live", enter=True, backspace="own")), ""
    plan.arm()
    for each in events:
        plan.push(each)
        while (character := plan.next()) is not None:
            text = text[:-1] if character == RUBOUT else text + character
            plan.done()
    return text


@given(runs())
def test_every_reader_of_events_shows_the_same_text(events: list[TextEvent]) -> None:
    keys, shown = KeySequence(), ShownKeys()
    for each in events:
        keys.push(each)
        shown.push(each)
    labels = [key.label for key in keys.final]
    assert shown.labels == labels
    assert running_text(events) == render(labels)
    # On a console and in a window finished lines are out of reach: there a ⌫ removes nothing before the last ⏎.
    lines = "".join(KEYS[label] for label in labels).split("⏎")
    by_lines = "\n".join(render(text_to_labels(line)) for line in lines)
    assert planned_text(events) == by_lines
    assert console_text(events) == by_lines + "\n" * (by_lines[-1:] not in ("", "\n"))
