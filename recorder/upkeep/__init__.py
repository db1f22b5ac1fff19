"""Keeps a history healthy: finds what is wrong with a file, and mends it."""
