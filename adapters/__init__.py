"""The outside world, and nothing else: LSL, session files, ZeroMQ, console."""
