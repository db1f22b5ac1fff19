"""Writes the history to other files."""
