"""Torch: models, data, losses, training, export to ONNX. An optional extra; the daemon never imports it."""
