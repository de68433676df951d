import io

import pytest
from rich.console import Console

from adapters.host.console import ConsoleSink, LiveLines
from messages.charset import text_to_labels
from messages.text import Key, TextEvent


def event(insert: str, tail: int = 0, erase: int = 0) -> TextEvent:
    return TextEvent(erase, tuple(Key(label, 0.0, 1.0) for label in text_to_labels(insert)), tail, 0.0, 0)


def shown(events: list[TextEvent], *, raw: bool = False, terminal: bool = False) -> str:
    out = io.StringIO()
    with ConsoleSink(Console(file=out, force_terminal=terminal, width=60, color_system=None), raw=raw) as sink:
        for one in events:
            sink.push(one)
    return out.getvalue()


def test_in_a_file_lines_are_printed_once_when_they_are_final() -> None:
    out = io.StringIO()
    with ConsoleSink(Console(file=out)) as sink:
        sink.push(event("hallo\n", tail=5))
        assert out.getvalue() == ""
        sink.push(event("ello\n", tail=0, erase=5))
        assert out.getvalue() == "hello\n"
        sink.push(event("wor", tail=3))
    assert out.getvalue() == "hello\nwor\n"


@pytest.mark.parametrize(("raw", "expected"), [(False, "cat\n"), (True, "cz⌫at⇧⏎\n")])
def test_backspaces_are_applied_and_shift_dropped_unless_raw(raw: bool, expected: str) -> None:
    assert shown([event("cz\bat⇧\n")], raw=raw) == expected


@pytest.mark.parametrize("step", [1, 2, 5, 30])
def test_how_text_is_cut_into_events_does_not_matter(step: int) -> None:
    text = "one two\nthe\b\bwo\nthree"
    cut = [event(text[i : i + step]) for i in range(0, len(text), step)]
    assert shown(cut) == "one two\ntwo\nthree\n"


def test_a_terminal_shows_the_tail_and_keeps_the_last_text() -> None:
    screen = shown([event("hallo", tail=5), event("ello\n", tail=0, erase=4), event("w", tail=1)], terminal=True)
    assert "hallo" in screen
    assert "hello" in screen
    assert screen.rstrip("\x1b[?25h\n\r ").endswith("w")


def test_the_tail_is_dimmed_on_a_terminal() -> None:
    out = io.StringIO()
    with ConsoleSink(Console(file=out, force_terminal=True, width=60, color_system="standard")) as sink:
        sink.push(event("final tail", tail=4))
        assert "final \x1b[2mtail" in out.getvalue()


def test_markup_in_typed_text_is_text() -> None:
    assert shown([event("[red]no[/red]\n")]) == "[red]no[/red]\n"


def test_an_edit_after_lost_messages_takes_back_the_tail_alone() -> None:
    assert shown([event("abc", tail=0, erase=9), event("\n")]) == "abc\n"


def test_typed_emoji_codes_stay_text() -> None:
    assert shown([event("a :smile:\n")]) == "a :smile:\n"


@pytest.mark.parametrize("text", ["ab⇧\b\n", "⇧a⇧b⇧⇧\b\n"])
def test_a_backspace_after_shift_takes_back_the_character_before(text: str) -> None:
    assert shown([event(text)]) == "a\n"
    assert shown([event(key) for key in text]) == "a\n"


def test_event_numbers_may_start_anew() -> None:
    assert shown([event("one "), event("two", tail=3), event("", tail=0), event("\n")]) == "one two\n"


def test_a_line_that_never_ends_is_broken_so_that_memory_stays_bounded() -> None:
    out = shown([event("x" * 1000) for _ in range(9)])
    assert [len(line) for line in out.splitlines()] == [4000, 4000, 1000]


def test_the_newest_text_is_on_the_screen_when_the_line_is_taller_than_it() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=20, height=6, color_system=None, _environ={})
    with ConsoleSink(console) as sink:
        sink.push(event("start " + "x" * 300))
        out.seek(0)
        out.truncate()
        sink.push(event("newest", tail=6))
        frame = out.getvalue()
        assert "newest" in frame.replace("\n", "")
        assert "start" not in frame
        out.seek(0)
        out.truncate()
    # At the end the whole line is shown.
    assert "start" in out.getvalue()


def test_a_dumb_terminal_gets_lines() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, _environ={"TERM": "dumb"})
    with ConsoleSink(console) as sink:
        sink.push(event("one\ntwo"))
    assert out.getvalue() == "one\ntwo\n"


@pytest.mark.parametrize("ends", [("ann", "bob"), ("bob", "ann")])
def test_several_peoples_lines_are_told_apart_by_name(ends: tuple[str, str]) -> None:
    out = io.StringIO()
    console = Console(file=out, width=60)
    with LiveLines(console) as lines:
        sinks = {name: ConsoleSink(console, name=name, lines=lines) for name in ends}
        sinks["ann"].push(event("one tw", tail=2))
        sinks["bob"].push(event("[b]\n"))
        sinks["ann"].push(event("wo\nthree", tail=9, erase=1))
        sinks["bob"].push(event("end\nof text", tail=9))
        assert out.getvalue() == "bob: [b]\n"
        for name in ends:
            sinks[name].close()
    rest = {"ann": "ann: one two\nann: three\n", "bob": "bob: end\nbob: of text\n"}
    assert out.getvalue() == "bob: [b]\n" + "".join(rest[name] for name in ends)


def test_several_peoples_unfinished_lines_are_redrawn_one_below_the_other() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=20, height=8, color_system=None, _environ={})

    def frame() -> list[str]:
        drawn = [line.split("\x1b[2K")[-1] for line in out.getvalue().splitlines()]
        out.seek(0)
        out.truncate()
        return drawn

    with LiveLines(console) as lines:
        ann, bob = (ConsoleSink(console, name=name, lines=lines) for name in ("ann", "bob"))
        ann.push(event("hel", tail=3))
        assert frame()[-2:] == ["\x1b[?25lann: hel", "bob: "]
        bob.push(event("one\ntwo", tail=3))
        drawn = frame()
        assert drawn[-2:] == ["ann: hel", "bob: two"]
        # A finished line scrolls away above the unfinished ones.
        assert drawn.count("bob: one") == 1
        ann.push(event("x" * 90 + "newest", tail=6))
        # Each person has a share of the rows, for the newest text of their line.
        drawn = frame()
        assert drawn[-1] == "bob: two"
        assert drawn[-2].endswith("newest")
        assert "".join(drawn).count("x") < 2 * 20
        ann.close()
        bob.close()
    # At the end all lines stay on the screen.
    assert "ann: hel" + "x" * 90 + "newestbob: two" in "".join(frame())
