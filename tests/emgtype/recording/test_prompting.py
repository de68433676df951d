from pathlib import Path

import pytest

from emgtype.recording.prompting import Prompter, read_prompts
from messages.errors import InputError
from messages.typed import Prompt


def test_prompts_follow_each_other_and_are_recorded_once_they_are_typed() -> None:
    prompts: list[Prompt] = []
    prompter = Prompter(["one", "two", "three"], prompts.append)
    prompter.advance(1.0)  # nothing is shown yet
    prompter.update(2.0)
    assert (prompter.text, prompter.next_text) == ("one", "two")
    prompter.update(60.0)
    prompter.advance(61.0)
    prompter.update(61.5)
    prompter.advance(65.0)
    assert prompts == [Prompt("one", 2.0, 61.0), Prompt("two", 61.0, 65.0)]
    assert (prompter.text, prompter.next_text, prompter.finished) == ("three", "", False)
    prompter.advance(70.0)
    prompter.advance(71.0)
    assert (prompter.text, prompter.finished, len(prompts)) == ("", True, 3)


def test_a_speed_moves_on_after_a_time_that_fits_the_text() -> None:
    prompts: list[Prompt] = []
    prompter = Prompter(["x" * 9, "y" * 99], prompts.append, speed=60)  # with its Enter, 10 keys at 5 a second
    for tenth in range(300):
        prompter.update(tenth / 10)
    assert [(prompt.start, prompt.end) for prompt in prompts] == [(0.0, 3.0), (3.0, 24.0)]


def test_a_file_of_prompts_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("  one two \n\n“three”\n", encoding="utf-8")
    assert read_prompts(path) == ["one two", "“three”"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "hold no text"),
        (b"\xff\xfe", "cannot be read"),
        ("fine\n時\n".encode(), "line 2 .* has no key"),
        (None, "cannot be read"),
    ],
)
def test_prompts_that_cannot_be_typed_are_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "lines.txt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_prompts(tmp_path / "lines.txt")
