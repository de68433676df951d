"""Encoders in torch."""
