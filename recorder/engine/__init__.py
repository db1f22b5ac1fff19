"""Talks to Docker and BuildKit: where they are, what their history says, how big an image is."""
