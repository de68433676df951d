"""The running daemon: its loop, the wearers that it serves, and the requests that it answers."""
