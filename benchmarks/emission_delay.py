"""Measure whether `emgtype train --delay-ms` sets the emission delay: a short training for each delay.

Every run starts from the same weights. The table shows the requested delay, and on held-out sessions the median
from press to emission and greedy CER.
"""

from pathlib import Path

from rich.table import Table

from benchmarks.encoder_families import greedy_cer, trained_ones
from benchmarks.results import command_line, publish
from emgtype.session_files import session_files
from messages.errors import InputError
from training.export.checkpoint import load_encoder
from training.recipe.settings import load_settings, with_delay
from training.run.delay import emission_delay_ms
from training.run.train import Machine, SessionLists, Start, train

FRAME_MS = 8.0


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--sessions", type=Path, nargs="+", required=True, help="to train on: files or folders")
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="to validate and measure on")
    parser.add_argument("--init", type=Path, help="checkpoint or bundle to start from")
    parser.add_argument("--preset", default="compact_delay")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--delays", type=float, nargs="+", default=[30.0, 60.0, 100.0], help="ms")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs; finished ones are not repeated")
    arguments = parser.parse_args()
    table = Table("asked, ms", "median press → emission, ms", "off by, frames", "greedy CER, %")
    try:
        settings = load_settings(arguments.preset, arguments.changes)
        sessions, held_out = (session_files(tuple(paths)) for paths in (arguments.sessions, arguments.held_out))
        for requested in arguments.delays:
            run = arguments.out / f"delay-{requested:g}"
            start = Start(resume=True, init=arguments.init)
            lists = SessionLists(sessions, held_out)
            train(lists, with_delay(settings, requested), run, start=start, machine=Machine())
            best = run / "checkpoints" / "best.ckpt"
            measured = emission_delay_ms(load_encoder(best), held_out)
            (row,) = trained_ones([run], arguments.out)
            cer = greedy_cer(row.onnx, held_out).cer
            table.add_row(
                f"{requested:g}", f"{measured:.1f}", f"{(measured - requested) / FRAME_MS:+.2f}", f"{cer:.2f}"
            )
    except InputError as error:
        parser.error(str(error))
    publish(arguments, [table])


if __name__ == "__main__":
    main()
