"""Emissions become keys: the beam and the commit rule."""
