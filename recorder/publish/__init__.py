"""The publication: Datasette on the file, with our metadata, templates and plugin."""
