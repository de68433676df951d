"""Lab Streaming Layer: streams found, read, written."""
