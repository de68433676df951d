"""Replay recorded sessions through the whole chain: paced, with faults, with other commit rules, at word level."""
