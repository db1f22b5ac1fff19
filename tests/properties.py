"""How property tests run: without a deadline, since a busy machine is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile("buildrec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("buildrec")
