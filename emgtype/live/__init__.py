"""The running daemon: its loop, whom it serves, what it can be asked and what it says."""
