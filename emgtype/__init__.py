"""The application: command line, config, daemon, and the wiring of everything else."""
