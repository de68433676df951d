"""One stream, or one per band, becomes chunks."""
