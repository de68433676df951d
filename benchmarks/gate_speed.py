"""Measure what the idle gate costs per hop, beside the spectrogram of the same hop.

python -m benchmarks.gate_speed
"""

import time

import numpy as np
from rich.table import Table

from benchmarks.results import command_line, publish, spread
from emgtype.models.bundle import open_bundle
from messages.emission import Emission
from messages.signal import Chunk
from simulator.activities import clenching
from simulator.person import make_person
from simulator.session import simulate
from streamer.activity.idle_gate import IdleGate
from streamer.front_end.stft import Spectrogram

_WARM_UP = 100
"""Hops before the first that counts."""


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--seconds", type=float, default=20.0, help="of signal")
    parser.add_argument("--hops", type=int, nargs="+", default=[1, 4, 8], help="frames")
    options = parser.parse_args()
    facts = open_bundle(options.bundle).facts
    hands = clenching(options.seconds, 1)
    chunks = list(simulate(make_person(1), (), 1, 0.0, options.seconds, activity=hands))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    table = Table("frames a hop", "gate p50, µs", "p99", "spectrogram p50, µs", "p99")
    figures = {}
    for hop in options.hops:
        gate, spectrogram, took = (
            IdleGate(facts),
            Spectrogram(facts.front_end, facts.layout),
            {"spectrogram": [0.0], "gate": [0.0]},
        )
        emission = Emission(np.full((hop, facts.decoder.outputs), -9.0, np.float32), np.zeros(hop))
        emission.log_probs[:, 0] = 0.0
        step = hop * facts.front_end.hop
        for number, first in enumerate(range(0, len(samples) - step, step)):
            part = Chunk(samples[first : first + step], np.zeros(step), facts.layout)
            start = time.perf_counter_ns()
            frames = spectrogram.push(part)
            between = time.perf_counter_ns()
            gate.listen(frames)
            if number * hop > facts.encoder.receptive_field + hop:
                gate.push(emission)
            if number * hop > facts.encoder.receptive_field + _WARM_UP * hop:
                took["spectrogram"].append((between - start) / 1000)
                took["gate"].append((time.perf_counter_ns() - between) / 1000)
        figures[hop] = {name: spread(values[1:]) for name, values in took.items()}
        cells = [f"{figures[hop][name][q]:.0f}" for name in ("gate", "spectrogram") for q in ("p50", "p99")]
        table.add_row(str(hop), *cells)
    publish(options, [table], {str(hop): row for hop, row in figures.items()})


if __name__ == "__main__":
    main()
