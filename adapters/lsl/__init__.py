"""Lab Streaming Layer: find, read and write streams."""
