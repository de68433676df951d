"""Export of trained weights: checkpoints, streaming ONNX graphs, int8 and model bundles."""
