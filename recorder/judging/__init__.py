"""Judges builds against comparable ones: pure rules, and the rows of alerts that come of them."""
