"""The ONNX file of an encoder: the names in its graph, its facts, and a session that runs it."""

import onnxruntime as ort

from messages.errors import InputError
from messages.model_facts import ModelFacts
from streamer.encoder._onnx_metadata import read_metadata, replace_metadata

# Names that every encoder graph uses.
FRAMES = "frames"
LOG_PROBS = "log_probs"
STREAMS = "streams"
"""The symbolic axis of the people who are decoded together."""
HOP = "hop"
"""The symbolic axis of frames."""


def state_output(state: str) -> str:
    """Return the name of the graph's output that succeeds a state."""
    return f"{state}_out"


def read_facts(model: str) -> ModelFacts:
    """Read the facts of an ONNX file (path); raises InputError if it cannot be read or its facts do not fit."""
    try:
        metadata = read_metadata(model)
    except (OSError, ValueError):
        metadata = {}
    if not metadata:
        # Raises the error that says what is wrong, if this is no model.
        load_session(model, single_threaded())
    return ModelFacts.from_metadata(metadata, model)


def metadata_of(model: str) -> dict[str, str]:
    """Read all metadata of an ONNX file (path); raises InputError where it is no model."""
    try:
        return read_metadata(model)
    except (OSError, ValueError) as error:
        raise InputError(f"{model} cannot be read as an ONNX model ({error}): name another file") from None


def with_facts(model: bytes, facts: ModelFacts) -> bytes:
    """Return the content of an ONNX file with these facts as its metadata; weights and graph stay bit for bit."""
    return replace_metadata(model, facts.to_metadata())


def single_threaded() -> ort.SessionOptions:
    """Return options for one thread: a hop is too little work to share, and helper threads that spin starve others."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def check_graph(
    model: str, session: ort.InferenceSession, facts: ModelFacts, hop: int, streams: int = 1
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a graph's inputs and outputs; raises InputError if its facts ask for others."""
    expected = {
        FRAMES: (streams, hop, *facts.front_end.shape(facts.layout)),
        LOG_PROBS: (streams, hop, facts.decoder.outputs),
        **{
            name: (streams, *state.shape)
            for state in facts.encoder.states
            for name in (state.name, state_output(state.name))
        },
    }
    ends = [*session.get_inputs(), *session.get_outputs()]
    sizes = {HOP: hop, STREAMS: streams}
    actual = {end.name: tuple(sizes.get(size, size) for size in end.shape) for end in ends}
    if actual != expected:
        raise InputError(
            f"{model} has inputs and outputs {actual}, but its facts, a hop of {hop} and {streams} streams ask for "
            f"{expected}; export it again."
        )
    return expected


def load_session(model: str, options: ort.SessionOptions) -> ort.InferenceSession:
    """Open a session on the CPU (path of the file); raises InputError if the file is no model."""
    # Errors come as exceptions; warnings would go past our output.
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types share no narrower base
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{model} cannot be loaded as an ONNX model ({reason}); name another, or export it again."
        ) from None
