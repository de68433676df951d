"""The main loop of the key process, with a keyboard that types into a text."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from adapters.inject._process import Inbox, KeyProcess, decode, encode
from adapters.inject._typer import KeyTyper
from emgtype.config import load_config
from messages.charset import text_to_labels
from messages.text import Key, TextEvent

SETTINGS = replace(load_config().inject, arm_delay_s=0.0, pause_s=0.001, shortest_pause_s=0.001)


class FakeKeyboard:
    def __init__(self) -> None:
        self.text = ""

    def find(self, character: str) -> tuple[int, ...] | None:
        return (ord(character),)

    def send(self, events: Sequence[tuple[int, bool]]) -> None:
        self.text += "".join(chr(code) for code, down in events if down)

    def lag(self) -> None:
        pass

    def close(self) -> None:
        pass


def event(text: str, seq: int) -> TextEvent:
    return TextEvent(0, tuple(Key(label, seq + 1.0, 1.0) for label in text_to_labels(text)), 0, seq + 1.0, seq)


def run(*messages: dict[str, Any] | None) -> str:
    keyboard, inbox = FakeKeyboard(), Inbox()
    for message in messages:
        inbox.put(message)
    KeyProcess(KeyTyper(SETTINGS, keyboard, None, lambda _notice: None), SETTINGS, inbox).run()
    return keyboard.text


def test_an_edit_survives_its_message_but_for_confidences() -> None:
    edit = TextEvent(2, (Key(7, 1.25, 0.5), Key(8, 1.5, 0.25)), 1, 2.0, 9)
    expected = replace(edit, insert=tuple(replace(key, confidence=1.0) for key in edit.insert))
    assert decode(json.loads(json.dumps(encode(edit)))) == expected


def test_keys_are_typed_once_armed_and_finish_waits_for_them() -> None:
    assert run(encode(event("no", 0)), {"do": "arm"}, encode(event("yes", 1)), {"do": "finish"}) == "yes"


def test_the_end_of_the_input_drops_the_waiting_keys() -> None:
    assert len(run({"do": "arm"}, encode(event("x" * 1000, 0)), None)) < 1000


def test_a_held_hotkey_disarms_and_does_not_arm_again(capsys: pytest.CaptureFixture[str]) -> None:
    toggle = {"do": "toggle"}
    text = run(toggle, encode(event("a", 0)), toggle, toggle, toggle, encode(event("b", 1)), {"do": "finish"})
    assert text == "a"
    *_, state = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (state["armed"], state["arming"], state["requests"]) == (False, False, 5)


def test_changed_settings_hold_for_the_next_text() -> None:
    settings = {"do": "change", "settings": asdict(replace(SETTINGS, enter=True))}
    messages = (settings, {"do": "arm"}, encode(event("a⏎", 0)), {"do": "finish"})
    assert run(*messages) == "a\n"
    assert run(*messages[1:]) == "a"
