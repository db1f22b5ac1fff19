"""The suites that come with buildrec, and the modules that make their inputs."""
