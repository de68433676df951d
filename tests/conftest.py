"""Hermetic tests: LSL streams stay on this machine's loopback, in this process and in those that it starts."""

import os

from adapters.lsl_loopback import LSL_CONFIG_VARIABLE, loopback_config

os.environ[LSL_CONFIG_VARIABLE] = str(loopback_config())  # here, at the top: liblsl reads it once, at its first call
