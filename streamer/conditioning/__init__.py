"""Corrections of the samples."""
