"""Bundles opened, decoders and language models built."""
