"""Several people's pipelines that ask one encoder together."""

from collections.abc import Mapping, Sequence

from messages.errors import InputError
from messages.signal import Chunk
from streamer.encoder.stream import OnnxEncoder, push_together
from streamer.pipeline import Pipeline
from streamer.stages import Event, Observer, unobserved


class PipelineGroup:
    """Pipelines over the streams of one batch; each person's text does not depend on the others.

    Nobody waits for anybody: a call of the encoder serves all pipelines whose hops are complete. The further the
    encoder lags behind, the more these are, and the less each of them costs.
    """

    def __init__(
        self, pipelines: Sequence[Pipeline], encoders: Sequence[OnnxEncoder], observer: Observer = unobserved
    ) -> None:
        """Join them.

        Args:
            pipelines: Pipeline n over stream n of one EncoderBatch.
            encoders: The encoder of each pipeline.
            observer: Of the common calls, as stage "encoder".

        Raises:
            ValueError: Encoders of other pipelines, of several batches, or in another order.
        """
        self.pipelines = tuple(pipelines)
        self._encoders = tuple(encoders)
        batches = {encoder.batch for encoder in encoders}
        streams = [encoder.stream for encoder in encoders]
        if len(batches) != 1 or streams != list(range(len(pipelines))):
            raise ValueError(
                f"pipelines over the streams {streams} of {len(batches)} batches; expected 0, 1, .. of one"
            )
        if any(pipeline.encoder is not encoder for pipeline, encoder in zip(pipelines, encoders, strict=True)):
            raise ValueError("the encoders are not those of the pipelines, in their order")
        self._observe = observer

    def push(self, chunks: Mapping[int, Chunk]) -> dict[int, list[Event] | InputError]:
        """Return the events of all hops that these samples complete, by pipeline.

        Args:
            chunks: New samples, by pipeline.

        Returns:
            By pipeline its events; or the error that `Pipeline.push` would raise, which is nothing to the others.
        """
        results: dict[int, list[Event] | InputError] = {}
        events: dict[int, list[Event]] = {}
        for number in sorted(chunks):
            try:
                self.pipelines[number].take(chunks[number])
            except InputError as error:
                results[number] = error
            else:
                events[number] = []
        working = list(events)
        while working:
            hops = {number: self.pipelines[number].next_hop() for number in working}
            frames = {number: hop for number, hop in hops.items() if hop is not None}
            working = list(frames)
            if working:
                with self._observe("encoder"):
                    emissions = push_together([self._encoders[number] for number in working], list(frames.values()))
                for number, emission in zip(working, emissions, strict=True):
                    events[number] += self.pipelines[number].decode(emission)
        return results | {number: came + self.pipelines[number].decode(None) for number, came in events.items()}
