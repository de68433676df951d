"""liblsl on the loopback interface only, for tests, demo and benchmarks; it never loads liblsl itself."""

from pathlib import Path

LSL_CONFIG_VARIABLE = "LSLAPICFG"
"""The environment variable that names liblsl's configuration file; liblsl reads it once, at its first call."""


def loopback_config() -> Path:
    """Path of a liblsl configuration under which streams neither leave this machine nor come from others."""
    return Path(__file__).with_name("loopback.cfg")
