"""Several people's pipelines that ask one encoder together."""

from collections.abc import Mapping, Sequence
from typing import Any

from messages.errors import InputError
from messages.signal import Chunk
from messages.text import TextEvent
from streamer.encoder.batch import EncoderBatch
from streamer.encoder.stream import OnnxEncoder, push_together
from streamer.pipeline import Observer, Pipeline, unobserved


class PipelineGroup:
    """Pipelines over the streams of one batch; what each person gets does not depend on the others.

    Nobody waits for anybody: a call of the encoder serves those whose hops are complete, which are the more the further
    it lags behind, and the more it serves the less each costs.
    """

    def __init__(self, pipelines: Sequence[Pipeline], observer: Observer = unobserved) -> None:
        """Join them.

        Args:
            pipelines: Pipeline n over stream n of one EncoderBatch.
            observer: Of the common calls, as stage "encoder".

        Raises:
            ValueError: Encoders of another kind or order.
        """
        self.pipelines = tuple(pipelines)
        self._encoders = [pipeline.encoder for pipeline in pipelines if isinstance(pipeline.encoder, OnnxEncoder)]
        batches: set[EncoderBatch] = {encoder.batch for encoder in self._encoders}
        streams = [encoder.stream for encoder in self._encoders]
        if len(batches) != 1 or streams != list(range(len(pipelines))):
            raise ValueError(
                f"pipelines over the streams {streams} of {len(batches)} batches; expected 0, 1, .. of one"
            )
        self._observe = observer

    def push(self, chunks: Mapping[int, Chunk]) -> dict[int, list[TextEvent] | InputError]:
        """Events of all hops that these samples complete, by pipeline.

        Args:
            chunks: New samples, by pipeline.

        Returns:
            By pipeline its events; or the error that `Pipeline.push` would raise, which is nothing to the others.
        """
        results: dict[int, list[TextEvent] | InputError] = {}
        working = {number: self.pipelines[number].steps(chunks[number]) for number in sorted(chunks)}
        answers: dict[int, Any] = dict.fromkeys(working)
        while working:
            hops = {}
            for number, steps in list(working.items()):
                try:
                    hops[number] = steps.send(answers[number])
                except StopIteration as done:
                    results[number] = done.value
                    del working[number]
                except InputError as error:
                    results[number] = error
                    del working[number]
            if hops:
                with self._observe("encoder"):
                    emissions = push_together([self._encoders[number] for number in hops], list(hops.values()))
                answers = dict(zip(hops, emissions, strict=True))
        return results
