"""Settings of all tests. That this file is here also lets them import `oracles` and `strategies`."""

from hypothesis import HealthCheck, settings

# No deadline: the first example may compile a kernel.
settings.register_profile("fcrbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fcrbench")
