"""Training in torch: models, data, losses, runs, export to ONNX. An optional extra that the daemon never imports."""
