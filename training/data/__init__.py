"""Training examples: frames, key presses and windows of sessions, and their order."""
