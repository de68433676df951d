"""`emgtype emissions`: a session's log-probabilities, for other decoders."""

import os
from pathlib import Path

import click
import numpy as np
from rich.progress import Progress

from adapters.files.private import open_private
from adapters.sessions.reader import SessionReader
from emgtype.commands._options import PATH
from emgtype.models.bundle import check_length, open_bundle
from emgtype.models.pipelines import OFFLINE
from messages.emission import Emission
from streamer.encoder.choice import open_encoder
from streamer.front_end.choice import open_front_end


@click.command(epilog="Example: emgtype emissions session.hdf5 --bundle demo --out emissions.npz")
@click.argument("session", type=PATH)
@click.option("--bundle", default="demo", show_default=True, metavar="NAME|FOLDER", help="Model bundle.")
@click.option("--out", type=PATH, required=True, help="NumPy .npz: log_probs (F, classes), times (F,) s, labels (L,).")
def command(session: Path, bundle: str, out: Path) -> None:
    """Write the emissions of a session, with the labels of the keys that were typed in it."""
    model = open_bundle(bundle)
    parts: list[Emission] = []
    with SessionReader(session) as reader, Progress(transient=True) as progress:
        model.facts.require(reader.layout)
        check_length(reader, model.facts)
        task = progress.add_task("encoding", total=len(reader))
        front_end = open_front_end(model.facts.front_end, model.facts.layout)
        encoder = open_encoder(str(model.encoder), OFFLINE, model.facts)
        for chunk in reader.chunks():
            parts.append(encoder.push(front_end.push(chunk)))
            progress.advance(task, len(chunk.times))
        parts.append(encoder.finish())
        labels = reader.labels(reader.start, reader.end)
    log_probs = np.concatenate([part.log_probs for part in parts])
    # The labels are what somebody typed: the file is its owner's alone.
    with os.fdopen(open_private(out, new=False), "wb") as file:
        np.savez_compressed(
            file,
            log_probs=log_probs,
            times=np.concatenate([part.times for part in parts]),
            labels=np.array(labels, dtype=np.int64),
        )
    click.echo(f"{out}: {len(log_probs)} frames of {log_probs.shape[1]} classes, {len(labels)} true keys")
