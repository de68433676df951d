"""Samples become frames."""
