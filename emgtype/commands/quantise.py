"""`emgtype quantise`: a bundle's encoder in int8."""

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from decoder.metrics import CerDifference
from emgtype.commands._options import PATH, config_option, json_option, print_json
from emgtype.config import load_config
from emgtype.models.bundle import open_bundle
from emgtype.places import ENCODERS
from emgtype.session_files import session_files


@click.command(epilog="Example: emgtype quantise exported/me --calibrate sessions/train --measure sessions/val")
@click.argument("bundle", metavar="NAME|FOLDER")
@click.option(
    "--calibrate", type=PATH, multiple=True, required=True, help="Sessions like those it was trained on, or folders."
)
@click.option("--measure", type=PATH, multiple=True, required=True, help="Held-out sessions that measure the cost.")
@click.option(
    "--tolerance", type=click.FloatRange(0), default=0.3, show_default=True, help="Points of CER that it may cost."
)
@config_option
@json_option
def command(
    bundle: str,
    calibrate: tuple[Path, ...],
    measure: tuple[Path, ...],
    tolerance: float,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Add an int8 encoder to a bundle, for `--precision int8`: it reads a quarter of the bytes per hop.

    It is written only where held-out sessions lose no more than the tolerance; their figures are put into its metadata
    (`emgtype info`).
    """
    from emgtype.evaluation.quantising import quantise

    model = open_bundle(bundle)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True, console=console) as progress:
        task = progress.add_task("", total=None)
        result = quantise(
            model,
            load_config(config_path).decoder,
            session_files(calibrate),
            session_files(measure),
            tolerance,
            lambda sentence: progress.update(task, description=sentence),
        )
    if as_json:
        print_json(asdict(result))
        return
    dense = f", {len(result.kept)} dense layers left in fp32" if result.kept else ""
    click.echo(
        f"{model.folder / ENCODERS['int8']}: CER on {len(result.sessions)} sessions ({result.keys} keys) "
        f"greedy {_change('greedy', result.cer, result.greedy)}, live {_change('live', result.cer, result.live)}{dense}"
    )


def _change(name: str, cer: dict[str, float], difference: CerDifference) -> str:
    before, after = cer[f"{name} fp32"], cer[f"{name} int8"]
    return (
        f"{before:.2f} → {after:.2f} % ({difference.difference:+.2f} points, 95 % {difference.low:+.2f} to "
        f"{difference.high:+.2f})"
    )
