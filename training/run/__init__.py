"""Training runs: the Lightning module, its trainer, and the reports of a run."""
