"""Measures the budgets of the design side by side with their floors; `python -m tests.benchmarks`."""
