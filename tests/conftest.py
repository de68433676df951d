"""Hermetic tests: LSL streams stay on this machine's loopback, in this process and in those that it starts."""

import os

from hypothesis import settings

from adapters.lsl_loopback import LSL_CONFIG_VARIABLE, loopback_config

os.environ[LSL_CONFIG_VARIABLE] = str(loopback_config())  # here, at the top: liblsl reads it once, at its first call

settings.register_profile("emgtype", parent=settings(), deadline=None)  # machines are shared: no test asserts speed
settings.load_profile("emgtype")
