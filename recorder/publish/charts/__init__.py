"""Charts as SVG: drawn on the server, readable without script, for pages and for READMEs alike."""
