"""Phantom characters: keys that are typed while nobody types, per hour, by what the hands do instead.

The bands are worn by the simulated person of the model, on donnings that it never saw. At rest there is nothing but
tone and noise; clenching and using a mouse (simulator.activities) are what the model was never taught.

    python -m benchmarks.rest                       # 20 minutes of each
    python -m benchmarks.rest --minutes 180 --kinds rest
"""

from collections.abc import Callable

from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from decoder.charset import labels_to_text
from emgtype.assembly import OFFLINE, assemble, open_bundle
from emgtype.config import load_config
from emgtype.key_delays import ShownKeys
from simulator.activities import Activity, clenching, mouse
from simulator.person import make_person
from simulator.session import simulate

KINDS: dict[str, Callable[[float, int], Activity | None]] = {
    "rest": lambda _seconds, _seed: None,
    "clench": clenching,
    "mouse": mouse,
}
FIRST = 6000
"""Donning of the first session."""
_SESSION = 300.0  # seconds worn without a break


def phantoms(kind: str, minutes: float, bundle: str, person: int) -> tuple[ShownKeys, float]:
    """What was typed, and in how many hours."""
    config, opened = load_config(None, {"bundle": bundle}), open_bundle(bundle)
    keys, sessions = ShownKeys(), max(1, round(60 * minutes / _SESSION))
    for session in track(range(sessions), kind, transient=True):
        pipeline, donning = assemble(opened, config, block=OFFLINE), FIRST + session
        activity = KINDS[kind](_SESSION, donning)
        for chunk in simulate(make_person(person), (), donning, 0.0, _SESSION, activity=activity):
            for event in pipeline.push(chunk):
                keys.push(event)
        for event in pipeline.finish():
            keys.push(event)
    return keys, sessions * _SESSION / 3600


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--person", type=int, default=1, help="seed of who wears the bands")
    parser.add_argument("--minutes", type=float, default=20.0, help="of each kind, in sessions of five")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    options = parser.parse_args()
    table = Table("nobody types, but", "hours", "phantom characters", "per hour", "shown and taken back", "they are")
    figures = {}
    for kind in options.kinds:
        keys, hours = phantoms(kind, options.minutes, options.bundle, options.person)
        count = len(keys.labels)
        text = labels_to_text(keys.labels[:12])
        table.add_row(kind, f"{hours:.2f}", str(count), f"{count / hours:.1f}", str(keys.erased), text)
        figures[kind] = {"hours": hours, "phantoms": count, "per_hour": count / hours, "taken_back": keys.erased}
    publish(options, [table], figures)


if __name__ == "__main__":
    main()
