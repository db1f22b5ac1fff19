"""What a build is called: the series that people think of, out of its tags or its context."""

import posixpath
import re
from collections.abc import Sequence

UNNAMED = "unnamed"
# Tags that name a branch, or that move with it, say nothing about which image it is.
_BRANCHES = frozenset("latest main master trunk head develop".split())
_BRANCH_PREFIXES = frozenset(
    "feature feat fix bugfix hotfix release chore refactor renovate dependabot pr mr branch "
    "main master trunk develop sha commit build ci wip user".split()
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_.][A-Za-z]+){0,2}")
_REMOTE = re.compile(r"\w[\w+.-]*://|[\w.-]+@[\w.-]+:|github\.com/")
_HEX = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


def image_name(tags: Sequence[str], context: str | None = None) -> str:
    """The series of a build with these `tags`, or else of this `context` (a folder or a URL).

    The name is the repository, plus the tag when that is a word such as `dev` or `docs`. A tag
    that is `latest` or looks like a version, date, number, hash or branch is left out, so that a
    tag per commit does not scatter the history.
    """
    for tag in tags:
        repository, label = split_reference(tag)
        if repository:
            return f"{repository}:{label}" if label and is_word(label) else repository
    return _folder_name(context) or UNNAMED


def split_reference(reference: str) -> tuple[str, str]:
    """An image reference as its familiar repository and its tag: `app:dev` as (`app`, `dev`)."""
    name = reference.strip().split("@", 1)[0]
    head, slash, last = name.rpartition("/")
    last, _, label = last.partition(":")
    repository = (head + slash + last).removeprefix("docker.io/").removeprefix("library/")
    return repository, label


def is_word(label: str) -> bool:
    """Whether a tag is a word that names a variant of the image, such as `dev` or `docs-slim`."""
    if label.lower() in _BRANCHES or not _WORDS.fullmatch(label) or _HEX.fullmatch(label):
        return False
    parts = re.split(r"[-_.]", label.lower())
    return not (len(parts) > 1 and parts[0] in _BRANCH_PREFIXES)


def _folder_name(context: str | None) -> str:
    """The last folder of a context; of a Git URL, the repository or the folder inside it."""
    if not context or context == "-":
        return ""
    place = context
    if _REMOTE.match(context):  # a folder may have a # in its name
        place, _, fragment = context.partition("#")
        place = fragment.partition(":")[2] or place
    name = posixpath.basename(place.replace("\\", "/").rstrip("/"))
    name = name.removesuffix(".git").removesuffix(".tar.gz").removesuffix(".tar")
    return "" if name in (".", "..") else name
