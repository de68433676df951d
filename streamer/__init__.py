"""Samples to emissions: ring, conditioner, spectrogram, encoder, and the pipeline that joins them to the decoder."""
