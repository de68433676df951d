"""How much faster than real time a typing session is simulated, on one core."""

import argparse
import time

from emgtype.texts import load_text
from simulator.person import make_person
from simulator.session import typing_session


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    arguments = parser.parse_args()
    session = typing_session(make_person(1), 1, load_text("demo"), arguments.minutes * 60)
    start = time.process_time()
    for _ in session.chunks():
        pass
    took = time.process_time() - start
    print(
        f"{session.duration:.0f} s of two wristbands in {took:.1f} s of CPU: {session.duration / took:.0f}× real time"
    )


if __name__ == "__main__":
    main()
