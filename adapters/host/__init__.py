"""The machine: terminal, service manager, metrics."""
