"""Judges whole histories, and keeps the budgets that a project has set."""
