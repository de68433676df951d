"""A model fitted to one person."""
