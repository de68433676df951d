"""The neural encoder: an ONNX session whose context is carried from hop to hop."""

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from decoder.errors import InputError
from decoder.messages import Emission
from streamer.bundle_facts import BundleFacts

# Names that every encoder graph uses.
FRAMES = "frames"
LOG_PROBS = "log_probs"
HOP = "hop"
"""The symbolic frame axis."""


def state_output(state: str) -> str:
    """Name of the graph's output that succeeds a state."""
    return f"{state}_out"


def read_facts(model: str) -> BundleFacts:
    """The facts of an ONNX file (path); raises InputError where it cannot be read or has none that fit."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # only read, never run
    return BundleFacts.from_metadata(load_session(model, options).get_modelmeta().custom_metadata_map, model)


class OnnxEncoder:
    """Frames in, emissions out, a fixed number of frames per call of the graph.

    The first emissions, whose receptive field is not filled yet, are withheld: N samples since the start or the last
    reset give facts.stft.frames(N) - receptive_field + 1 emissions in all.
    """

    def __init__(self, model: str, hop: int | None = None) -> None:
        """Load and warm up.

        Args:
            model: Path of the ONNX file.
            hop: Frames per call; None: the model's own.

        Raises:
            InputError: Not a model, facts missing or not of this emgtype, a graph that belies them, or a model that
                needs the whole recording (streamer.whole_encoder runs those).
        """
        self.facts = read_facts(model)
        self.facts.require_streaming()
        self.hop = self.facts.hop if hop is None else hop
        if self.hop < 1:
            raise InputError(f"The hop is {self.hop} frames; expected at least 1.")
        options = single_threaded()
        options.add_free_dimension_override_by_name(HOP, self.hop)  # fixed shapes: no cache that grows
        self._session = load_session(model, options)
        expected = check_graph(model, self._session, self.facts, self.hop)
        self._frames = np.zeros(expected[FRAMES], np.float32)
        self._times = np.zeros(self.hop)
        self._log_probs = np.zeros(expected[LOG_PROBS], np.float32)
        # Two sets of states: a call reads one and writes the other, then they change places.
        self._states = [[np.zeros(state.shape, np.float32) for state in self.facts.states] for _ in range(2)]
        self._bindings = [self._bind(0, 1), self._bind(1, 0)]
        for binding in self._bindings:
            self._session.run_with_iobinding(binding)  # the first calls allocate; no sample should wait for that
        self.reset()

    def reset(self) -> None:
        """Forget the past: states to their initial values, no frame waiting, the next emissions withheld."""
        for states in self._states:
            for state in states:
                state.fill(0)
        self._turn = 0
        self._filled = 0
        self._withheld = self.facts.receptive_field - 1

    def push(self, frames: npt.NDArray[np.float32], times: npt.NDArray[np.float64]) -> Emission:
        """Emissions of all hops that these frames complete; a remainder shorter than a hop waits.

        Args:
            frames: (F, bands, electrodes, bins), as `Spectrogram.push` gives them.
            times: (F,) seconds.
        """
        emissions = []
        taken = 0
        while taken < len(frames):
            count = min(self.hop - self._filled, len(frames) - taken)
            self._frames[self._filled : self._filled + count] = frames[taken : taken + count]
            self._times[self._filled : self._filled + count] = times[taken : taken + count]
            taken += count
            self._filled += count
            if self._filled == self.hop:
                emissions.append(self._run())
        return self._joined(emissions)

    def finish(self) -> Emission:
        """Emissions of the frames that wait for a whole hop; afterwards the encoder is as after `reset`."""
        # Causal, so what fills the block up cannot reach the rows that are kept.
        emissions = [self._run()] if self._filled else []
        self.reset()
        return self._joined(emissions)

    def _run(self) -> Emission:
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        drop = min(self._withheld, self._filled)
        kept = slice(drop, self._filled)
        self._withheld -= drop
        self._filled = 0
        return Emission(self._log_probs[kept].copy(), self._times[kept].copy())

    def _joined(self, emissions: list[Emission]) -> Emission:
        if len(emissions) == 1:
            return emissions[0]
        nothing = Emission(self._log_probs[:0].copy(), self._times[:0].copy())
        log_probs, times = zip(*((e.log_probs, e.times) for e in [nothing, *emissions]), strict=True)
        return Emission(np.concatenate(log_probs), np.concatenate(times))

    def _bind(self, source: int, target: int) -> ort.IOBinding:
        binding = self._session.io_binding()
        inputs = {FRAMES: self._frames}
        outputs = {LOG_PROBS: self._log_probs}
        for number, state in enumerate(self.facts.states):
            inputs[state.name] = self._states[source][number]
            outputs[state_output(state.name)] = self._states[target][number]
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding


def single_threaded() -> ort.SessionOptions:
    """Options of a session of one thread: a hop's work is too small to share, and helpers that spin starve others."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def check_graph(model: str, session: ort.InferenceSession, facts: BundleFacts, hop: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a graph's inputs and outputs at a hop; raises InputError where they are not those of its facts."""
    expected = {
        FRAMES: (hop, facts.layout.bands, facts.layout.electrodes, facts.stft.bins),
        LOG_PROBS: (hop, len(facts.classes) + 1),
        **{name: state.shape for state in facts.states for name in (state.name, state_output(state.name))},
    }
    ends = [*session.get_inputs(), *session.get_outputs()]
    found = {end.name: tuple(hop if size == HOP else size for size in end.shape) for end in ends}
    if found != expected:
        raise InputError(
            f"{model} has inputs and outputs {found}, but its facts and a hop of {hop} ask for {expected}; "
            "export it again."
        )
    return expected


def load_session(model: str, options: ort.SessionOptions) -> ort.InferenceSession:
    """A session on the CPU from a file's path; raises InputError where it is no model."""
    options.log_severity_level = 3  # errors: they come as exceptions, warnings would go past our output
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types share no narrower base
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{model} cannot be loaded as an ONNX model ({reason}); name another, or export it again."
        ) from None
