"""Corrects the samples of bands that sit otherwise than a model expects, and takes hum and drift out of them."""
