"""Measure the simplest guess of a key on simulated sessions: a simulator on which it does well proves nothing.

    python -m benchmarks.nearest_centroid

The classifier knows the time of each press, and gets the log-power of the burst around it, -100..60 ms. It has the mean
burst of every key from other donnings of the same person (or from other people), and names the key with the nearest
mean. Linear discriminant analysis (Fisher 1936), with the covariance within keys and their frequencies, is given for
comparison: the most that a linear decoder makes of the same features. A press of a key that does not occur in training
counts as an error.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.results import command_line, publish
from benchmarks.signal_statistics import BURST
from benchmarks.simulator_realism import DONNINGS, seeds
from emgtype.texts import load_text
from messages.model_facts import StftFacts
from messages.signal import F32, F64, Chunk
from simulator.person import make_person
from simulator.population import population_hash
from simulator.session import LAYOUT, typing_session
from streamer.front_end.stft import Spectrogram

Labels = npt.NDArray[np.intp]
_SHRINKAGE = 0.1
"""Shrinkage of the covariance within keys towards its diagonal."""
_SMALLEST = 1e-3  # µV²: keeps the logarithm of a dead electrode finite


@dataclass(frozen=True, slots=True)
class Bursts:
    """The features and keys of one session's presses."""

    features: dict[str, F64]
    """(presses, features) by kind."""
    labels: Labels
    """(presses,) which key each was."""


def power_features(samples: F32, rate: float, times: F64, steps: int) -> F64:
    """Return log10 of the mean square in `steps` equal parts of the burst at each time (s).

    Returns:
        (presses, steps · electrodes).
    """
    edges = np.round((times[:, None] + np.linspace(*BURST, steps + 1)) * rate).astype(np.intp)
    flat = samples.reshape(len(samples), -1).astype(np.float64)
    summed = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(flat**2, axis=0)])
    power = np.diff(summed[edges], axis=1) / np.diff(edges, axis=1)[:, :, None]  # (presses, steps, electrodes)
    features: F64 = np.log10(power + _SMALLEST).reshape(len(times), -1)
    return features


def spectrum_features(samples: F32, rate: float, times: F64) -> F64:
    """Return the models' log-spectrogram, mean over the burst at each time (s).

    Returns:
        (presses, electrodes · bins).
    """
    length = round((BURST[1] - BURST[0]) * rate)
    rows = []
    for time in times:
        first = round((time + BURST[0]) * rate)
        part = Chunk(samples[first : first + length], np.zeros(length), LAYOUT)
        rows.append(Spectrogram(StftFacts(), LAYOUT).push(part).values.mean(axis=0).ravel())
    return np.array(rows, dtype=np.float64)


def nearest_centroid(features: F64, labels: Labels, test: F64) -> Labels:
    """Return the key of the nearest mean, each feature in units of its standard deviation within keys.

    Args:
        features: (presses, features) to learn from.
        labels: (presses,) their keys.
        test: (others, features) to classify.

    Returns:
        (others,) keys.
    """
    keys, centroids, within = _centroids(features, labels)
    scale = within.std(axis=0) + 1e-9
    return keys[_nearest(test / scale, centroids / scale)]


def linear_discriminant(features: F64, labels: Labels, test: F64) -> Labels:
    """Return the key by Mahalanobis distance within keys, with the keys' frequencies as prior probabilities."""
    keys, centroids, within = _centroids(features, labels)
    covariance = within.T @ within / len(within)
    diagonal = np.diag(np.diag(covariance) + 1e-9)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * diagonal
    weights = np.linalg.solve(covariance, centroids.T)  # (features, keys)
    prior = np.log([np.mean(labels == key) for key in keys])
    scores = test @ weights - 0.5 * np.sum(centroids.T * weights, axis=0) + prior
    guessed: Labels = keys[scores.argmax(axis=1)]
    return guessed


def _centroids(features: F64, labels: Labels) -> tuple[Labels, F64, F64]:
    """Return the keys (keys,), their means (keys, features), and each press less its key's mean (presses, features)."""
    keys, index = np.unique(labels, return_inverse=True)
    centroids = np.stack([features[index == i].mean(axis=0) for i in range(len(keys))])
    return keys, centroids, features - centroids[index]


def _nearest(points: F64, centroids: F64) -> Labels:
    squared = np.sum(centroids**2, axis=1) - 2 * points @ centroids.T
    nearest: Labels = squared.argmin(axis=1)
    return nearest


GUESSERS: dict[str, Callable[[F64, Labels, F64], Labels]] = {
    "nearest centroid": nearest_centroid,
    "linear discriminant": linear_discriminant,
}
FEATURES = ("level", "level in 4 steps", "spectrum")


def bursts(person: int, donning: int, minutes: float) -> Bursts:
    """Simulate a session of a person and cut out its bursts."""
    session = typing_session(make_person(person), donning, load_text("train"), 60 * minutes)
    samples = np.concatenate([chunk.samples for chunk in session.chunks()])
    presses = [(k.start, label) for k in session.keystrokes if (label := k.label) is not None]
    times = np.array([start for start, _ in presses])
    rate = LAYOUT.rate
    kinds = (
        power_features(samples, rate, times, 1),
        power_features(samples, rate, times, 4),
        spectrum_features(samples, rate, times),
    )
    return Bursts(dict(zip(FEATURES, kinds, strict=True)), np.array([label for _, label in presses], dtype=np.intp))


def error(guess: Callable[[F64, Labels, F64], Labels], kind: str, training: Sequence[Bursts], test: Bursts) -> float:
    """Return the share of the presses of `test` whose key is guessed wrong."""
    features = np.concatenate([b.features[kind] for b in training])
    labels = np.concatenate([b.labels for b in training])
    return float(np.mean(guess(features, labels, test.features[kind]) != test.labels))


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--people", type=seeds, default="900-902", metavar="FIRST-LAST", help="seeds")
    parser.add_argument("--donnings", type=int, default=4, help="sessions of each; the last is the unseen one")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each session")
    args = parser.parse_args()
    people: range = args.people
    plans = [(person, i) for person in people for i in range(args.donnings)]
    made = {
        (person, i): bursts(person, DONNINGS * person + i, args.minutes)
        for person, i in track(plans, "simulating", console=Console(stderr=True), transient=True)
    }
    last = args.donnings - 1
    own = {p: [made[p, i] for i in range(last)] for p in people}
    test = {p: made[p, last] for p in people}
    others = {p: [b for q in people if q != p for b in own[q]] for p in people}
    what = (
        f"people {people.start}-{people.stop - 1}, {last} donnings of {args.minutes:g} min to learn from, "
        f"one to guess: {sum(len(b.labels) for b in test.values())} presses; population {population_hash()}"
    )
    table = Table("wrong keys, % (least .. most of the people)", "unseen donning", "unseen person")
    for name, guess in GUESSERS.items():
        for kind in FEATURES:
            of_own = [error(guess, kind, own[p], test[p]) for p in people]
            of_others = [error(guess, kind, others[p], test[p]) for p in people] if len(people) > 1 else []
            table.add_row(f"{name}, {kind}", _percent(of_own), _percent(of_others))
    common = [float(np.mean(b.labels != np.bincount(b.labels).argmax())) for b in test.values()]
    table.add_row("always the most frequent key", _percent(common), _percent(common))
    publish(args, [what, table])


def _percent(errors: Sequence[float]) -> str:
    if not errors:
        return ""
    return f"{100 * np.mean(errors):.1f}  ({100 * min(errors):.1f} .. {100 * max(errors):.1f})"


if __name__ == "__main__":
    main()
