"""Measure a bundle's CER on simulated sessions with new text and new donnings: greedy beside the beam.

The shipped demo model is for person 1; a second table shows a person that it was not trained on.
"""

from collections.abc import Sequence

from rich.progress import Progress
from rich.table import Table

from benchmarks.results import command_line, publish
from decoder.ctc.greedy import GreedyDecoder
from decoder.metrics import CharacterErrors, cer_difference, segment_errors
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.models.pipelines import assemble
from emgtype.replay.key_delays import ShownKeys
from emgtype.tables import accuracy_table
from emgtype.texts import load_text
from messages.charset import ENTER, LABELS
from messages.emission import Emission
from simulator.person import make_person
from simulator.session import TypingSession, typing_session

TEST_DONNING = 3000
"""The first donning that is reserved for tests."""


def decode(session: TypingSession, bundle: str, person: str = "") -> tuple[list[int], list[int]]:
    """Return the labels by greedy decoding and by the live chain; `person` picks a personal layer."""
    greedy, greedy_labels, keys = GreedyDecoder(), list[int](), ShownKeys()

    def tap(emission: Emission) -> None:
        greedy_labels.extend(key.label for key in greedy.push(emission))

    config = load_config(flags={"bundle": bundle, "pipeline.hop_frames": 16, "pipeline.person": person})
    pipeline = assemble(open_bundle(bundle), config, tap=tap)
    for chunk in session.chunks():
        for event in pipeline.push(chunk):
            keys.push(event)
    for event in pipeline.finish():
        keys.push(event)
    return greedy_labels, keys.labels


def prompt_ends(truth: Sequence[int]) -> list[int]:
    """Return the index behind each prompt's enter."""
    behind = [end for end, label in enumerate(truth, start=1) if label == LABELS[ENTER]]
    return behind if behind[-1:] == [len(truth)] else [*behind, len(truth)]


def report(person: int, sessions: Sequence[TypingSession], bundle: str) -> list[Table | str]:
    """Decode sessions and return their CER, and the gain of the beam with its paired 95 % interval over prompts."""
    greedy: list[CharacterErrors] = []
    beam: list[CharacterErrors] = []
    with Progress(transient=True) as progress:
        for session in progress.track(sessions, description=f"person {person}"):
            truth = [k.label for k in session.keystrokes if k.label is not None]
            for labels, errors in zip(decode(session, bundle), (greedy, beam), strict=True):
                errors.extend(segment_errors(labels, truth, prompt_ends(truth)))
    gain = cer_difference(beam, greedy)
    rows = {"greedy": sum(greedy, CharacterErrors()), "live, beam with LM": sum(beam, CharacterErrors())}
    return [
        f"person {person}, {len(sessions)} donnings, {sum(s.duration for s in sessions) / 60:.1f} minutes",
        accuracy_table(rows),
        f"beam − greedy: {gain.difference:+.2f} points, 95 % interval {gain.low:+.2f} to {gain.high:+.2f}\n",
    ]


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2], help="seeds; the demo model is for person 1")
    parser.add_argument("--donnings", type=int, default=4)
    parser.add_argument("--first-donning", type=int, default=TEST_DONNING)
    parser.add_argument("--minutes", type=float, default=7.0, help="per donning")
    parser.add_argument("--text", default="test")
    arguments = parser.parse_args()
    paragraphs, parts = load_text(arguments.text), list[Table | str]()
    for person in arguments.people:
        first = arguments.first_donning
        sessions = [
            typing_session(make_person(person), donning, paragraphs, arguments.minutes * 60)
            for donning in range(first, first + arguments.donnings)
        ]
        parts += report(person, sessions, arguments.bundle)
    publish(arguments, parts)


if __name__ == "__main__":
    main()
