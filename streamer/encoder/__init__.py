"""Frames become emissions."""
