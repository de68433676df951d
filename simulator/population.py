"""The name of the simulated population: a hash of its behaviour, stated in every session file and every result."""

import hashlib
import json
from functools import cache
from itertools import islice

import numpy as np

from simulator.donning import don
from simulator.person import make_person
from simulator.session import LAYOUT, simulate
from simulator.typist import type_prompts

_SEED = 900
"""Seed of the person whose behaviour is hashed, who appears in no report."""
_SECONDS = 4.0
"""Duration of the samples that are hashed."""


@cache
def population_hash() -> str:
    """Return twelve hex digits that identify the behaviour of the simulator.

    They are a hash of presses, donnings and samples of the person with seed 900: any constant that shapes the signal
    changes it, a comment does not. The values are rounded, so that another machine's arithmetic gives the same hash.
    """
    person = make_person(_SEED)
    rng = np.random.default_rng(_SEED)
    keys, _ = type_prompts(["the quick brown fox jumps over the lazy dog"] * 3, person.typist, rng, 0.5)
    chunks = simulate(person, keys, _SEED, 0.0, _SECONDS)
    samples = np.concatenate([chunk.samples for chunk in chunks])
    donnings = [don(seed, LAYOUT.electrodes) for seed in range(_SEED, _SEED + 20)]
    facts = {
        "presses_ms": [round(1e3 * k.start) for k in islice(keys, 100)],
        "level": [f"{level:.2g}" for level in np.sqrt((samples**2).mean(axis=0)).ravel()],
        "people": [f"{make_person(seed).keys.sum():.4g}" for seed in range(_SEED, _SEED + 5)],
        "rotation": [f"{angle:.4g}" for donning in donnings for angle in donning.rotation],
        "mains": [f"{donning.mains:.4g}" for donning in donnings],
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
