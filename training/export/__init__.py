"""From weights to ONNX."""
