"""Signals as files: session files, prompts and flights, and session files played as live streams."""
