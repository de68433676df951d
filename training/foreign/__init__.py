"""Checkpoints of other programs, read without running code in them."""
