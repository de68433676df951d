from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapters.bundles.checksums import sha256
from adapters.bundles.personal_layers import write_person
from emgtype.models.bundle import open_bundle
from streamer.encoder.personal_layer import PersonalLayer


@pytest.fixture
def shared(bundle_with: Callable[..., Path]) -> Path:
    """A bundle with a layer of bob alone, with which the signals of others are read otherwise."""
    folder = bundle_with("shared")
    facts = open_bundle(str(folder)).facts
    shape = facts.front_end.shape(facts.layout)
    rolled = np.roll(np.eye(shape[1], dtype=np.float32), 1, axis=0)
    layer = PersonalLayer(
        "bob", np.stack([rolled] * shape[0]), np.ones(shape, np.float32), np.full(shape, 0.1, np.float32)
    )
    write_person(folder, layer, {"encoder_sha256": sha256(folder / "encoder.onnx")})
    return folder
