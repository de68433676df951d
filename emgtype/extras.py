"""Optional libraries, which only some commands need."""

EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "onnx": "train",
    "tensorboard": "train",
    "safetensors": "train",
    "matplotlib": "plots",
    "ray": "cluster",
    "prometheus_client": "metrics",
    "mne": "bids",
    "mne_bids": "bids",
    "pynput": "inject",
    "pyxdf": "xdf",
    "pyctcdecode": "words",
    "pygtrie": "words",
}
"""Optional libraries, and the extra of emgtype that installs each."""
