"""Tells rest, typing and clenching apart by how loud the muscles are."""
