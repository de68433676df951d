"""Helpers for files of any kind: private files, arrays, and objects to close."""
