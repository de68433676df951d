"""Personalisation: a trained encoder fitted to one person."""
