"""Files of a model bundle: checksums, personal layers, language model tables."""
