"""How Sphinx builds the site: `sphinx-build --fail-on-warning --builder html docs docs/_build`.

The pages are plain Markdown that reads on GitHub as well. What they link to outside of this folder
is no part of the site, so there such a link leads to the repository.
"""

import re
from importlib.metadata import version as version_of

from sphinx.application import Sphinx

REPOSITORY = "https://github.com/buildrec/buildrec"

project = "buildrec"
version = release = version_of("buildrec")
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3  # the anchors that GitHub makes, down to `###`
smartquotes = False  # which make a dash of the two in front of an option
highlight_language = "none"  # of a fence that names no language, such as output
html_theme = "furo"
html_title = "buildrec"
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}


def _lead_to_the_repository(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = re.sub(r"\]\(\.\./", f"]({REPOSITORY}/blob/main/", source[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", _lead_to_the_repository)
