"""Measure how much faster than real time a typing session is simulated, on one core."""

import time

from benchmarks.results import command_line, publish
from emgtype.texts import load_text
from simulator.person import make_person
from simulator.session import typing_session


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    arguments = parser.parse_args()
    session = typing_session(make_person(1), 1, load_text("demo"), arguments.minutes * 60)
    start = time.process_time()
    for _ in session.chunks():
        pass
    seconds = time.process_time() - start
    ratio = session.duration / seconds
    summary = f"{session.duration:.0f} s of two wristbands in {seconds:.1f} s of CPU: {ratio:.0f}× real time"
    publish(arguments, [summary], {"times_real_time": ratio})


if __name__ == "__main__":
    main()
