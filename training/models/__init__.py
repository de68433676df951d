"""Encoders in torch, by family, and the log-spectrogram that feeds them."""
