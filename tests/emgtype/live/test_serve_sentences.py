"""Sentences read at word level go out on a topic of their own, while the keys go on."""

import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from adapters.wire.format import SentenceMessage, TextMessage
from adapters.wire.subscriber import Subscriber

pytest.importorskip("pyctcdecode", reason="the extra words is not installed")


@pytest.mark.slow
def test_the_sentence_between_two_pauses_is_published_at_word_level(
    environment: dict[str, str], session_file: Path, tmp_path: Path
) -> None:
    name, endpoint = f"test-{uuid.uuid4()}", f"ipc://{tmp_path}/text"
    (tmp_path / "config.toml").write_text("[words]\npublish = true\npause_s = 0.7\ncandidates = 3\nbeam_width = 20\n")
    calls = [
        ["serve", "--stream", name, "--endpoint", endpoint, "--quiet"],
        ["simulate", "--play", str(session_file), "--stream", name, "--wait", "60"],
    ]
    processes = []
    keys, sentences = list[float](), list[SentenceMessage]()
    with Subscriber(endpoint, "me", ["keys", "sentence"]) as subscriber:
        try:
            for call in calls:
                processes.append(
                    subprocess.Popen([sys.executable, "-m", "emgtype.cli", *call], env=environment, cwd=tmp_path)
                )
            end = time.monotonic() + 90
            while len(sentences) < 2 and time.monotonic() < end:
                message = subscriber.receive(0.2)
                if isinstance(message, SentenceMessage):
                    sentences.append(message)
                elif isinstance(message, TextMessage):
                    keys += [key.time for key in message.event.insert]
        finally:
            for process in processes:
                process.kill()
                process.wait()
    assert len(sentences) >= 2
    first, second = (message.sentence for message in sentences[:2])
    assert first.start <= first.end < second.start - 0.5
    for sentence in (first, second):
        assert 1 <= len(sentence.readings) <= 3
        assert any(sentence.start - 0.3 <= time <= sentence.end + 0.3 for time in keys)
