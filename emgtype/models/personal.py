"""The layer of a bundle that fits its model to one person."""

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import read_person
from emgtype.models.bundle import Bundle
from emgtype.places import ENCODERS
from messages.errors import InputError
from streamer.encoder.personal_layer import PersonalLayer


def personal_layer(bundle: Bundle, person: str) -> PersonalLayer:
    """Read a person's layer of a bundle.

    Raises:
        InputError: The bundle knows no such person, or the layer was learned on other weights than the bundle's.
    """
    layer, facts = read_person(bundle.folder, person)
    if facts.get("encoder_sha256") != sha256(bundle.folder / ENCODERS["fp32"]):
        raise InputError(
            f"the layer of {person!r} in {bundle.folder} was learned on another encoder.onnx than lies there: make it "
            "again with `emgtype personalise --method layer`"
        )
    return layer
