"""From one model to another in mid-stream, without a sample lost or a key read twice."""

from streamer.pipeline import Pipeline
from streamer.stages import Event


def hand_over(old: Pipeline, new: Pipeline) -> list[Event]:
    """Settle what one pipeline has heard, and let another, just made or reset, go on behind it.

    The new one's context is filled from the samples that the old one keeps. A model whose emissions come later after
    the press begins that much later, and one whose come sooner that much sooner, so that each press belongs to one of
    them; delays that were not measured count as equal.

    Returns:
        The old one's last events and, where the new one is the quicker, its first.
    """
    past = old.recent()
    events = old.finish()
    if old.gate and new.gate and (old.facts.front_end, old.facts.layout) == (new.facts.front_end, new.facts.layout):
        new.gate.follow(old.gate)
    if not len(past.times):
        return events
    before, after = old.facts.emission_delay_ms, new.facts.emission_delay_ms
    later = 0.0 if before is None or after is None else 1e-3 * (after - before)
    # Half a sample: two computations of the time of one frame may differ in their last digit.
    half = 0.5 / old.facts.layout.rate
    return events + new.warm(past, float(past.times[-1]) + later + half)
