"""Settings of all tests of the baselines."""

from hypothesis import HealthCheck, settings

# No deadline: the first example may compile a kernel.
settings.register_profile("baselines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("baselines")
