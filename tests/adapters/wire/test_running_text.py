from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.running_text import LONGEST_LINE, RunningText
from messages.charset import LABELS
from messages.text import Key, TextEvent, render


def edit(erase: int, insert: str, tail: int) -> TextEvent:
    return TextEvent(erase, tuple(Key(LABELS[key], 0.0, 1.0) for key in insert), tail, 0.0, 0)


@st.composite
def runs(draw: st.DrawFn) -> list[TextEvent]:
    """Edits as a decoder makes them: they take back only what may still change."""
    events, tail = [], 0
    for _ in range(draw(st.integers(0, 12))):
        erase = draw(st.integers(0, tail))
        insert = draw(st.text("ab ⌫⏎⇧", max_size=6))
        tail = draw(st.integers(0, tail - erase + len(insert)))
        events.append(edit(erase, insert, tail))
    return events


@given(runs())
def test_final_text_and_line_are_those_of_the_keys(events: list[TextEvent]) -> None:
    running, keys, final = RunningText(), list[int](), ""
    for event in events:
        back, text = running.push(event)
        assert back <= len(final)
        final = final[: len(final) - back] + text
        keys = keys[: len(keys) - event.erase] + [key.label for key in event.insert]
        assert final == render(keys[: len(keys) - event.tail])
        line, certain = running.line()
        assert line == render(keys).rpartition("\n")[2]
        assert line[:certain] == final[len(render(keys)) - len(line) :][:certain]


def test_a_line_states_how_much_of_it_is_final() -> None:
    running = RunningText()
    assert running.push(edit(0, "one⏎tw", 2)) == (0, "one\n")
    assert running.line() == ("tw", 0)
    assert running.push(edit(1, "wo t", 3)) == (0, "tw")
    assert running.line() == ("two t", 2)
    assert running.push(edit(3, "⌫⌫⌫", 0)) == (3, "")
    assert running.line() == ("one", 3)


def test_the_kept_text_and_the_line_are_bounded() -> None:
    running = RunningText()
    running.push(edit(0, "x" * 5000 + "yz", 1))
    line, final = running.line()
    assert (line, final) == ("x" * (LONGEST_LINE - 2) + "yz", LONGEST_LINE - 1)
    assert running.push(edit(0, "⌫" * 6000, 0)) == (5001, "")
    assert running.line() == ("", 0)
