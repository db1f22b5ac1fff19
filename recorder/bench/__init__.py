"""Benchmark suites: what they are, how they run, how two runs compare."""
