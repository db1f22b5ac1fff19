"""Where a build came from: the commit and branch of its context, and the CI run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Documented variables: GitHub Actions, GitLab CI, Buildkite, Jenkins, CircleCI.
_URL_VARIABLES = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "BUILD_URL", "CIRCLE_BUILD_URL")


class Checkout(NamedTuple):
    """The commit and branch that a Git checkout is at; the branch is None when detached."""

    commit: str | None = None
    branch: str | None = None


def checkout(folder: str) -> Checkout:
    """The checkout that `folder` lies in, read from its files: a git process would cost 5 ms."""
    try:
        place = Path(folder).resolve()
        for parent in (place, *place.parents):
            if (parent / ".git").exists():
                return _head(_git_folder(parent / ".git"))
    except (OSError, ValueError):
        pass
    return Checkout()


def ci_url(environ: Mapping[str, str] = os.environ) -> str | None:
    """The page of the CI run that this process is part of."""
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if repository and run:
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{repository}/actions/runs/{run}"
    return next((environ[name] for name in _URL_VARIABLES if environ.get(name)), None)


def _git_folder(place: Path) -> Path:
    """The repository's folder; `.git` is a file that names it in worktrees and submodules."""
    if place.is_dir():
        return place
    return place.parent / place.read_text().partition("gitdir:")[2].strip()


def _head(git: Path) -> Checkout:
    """What HEAD names, by the loose reference or the packed ones (gitrepository-layout(5))."""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return Checkout(head or None)
    name = head.partition(":")[2].strip()
    if name == "refs/heads/.invalid":  # gitformat-reftable: HEAD is in a table that we do not read
        return Checkout()
    branch = name.removeprefix("refs/heads/")
    common = git
    if (git / "commondir").exists():
        common = git / (git / "commondir").read_text().strip()
    for folder in (git, common):
        if (folder / name).is_file():
            return Checkout((folder / name).read_text().strip(), branch)
    packed = common / "packed-refs"
    if packed.is_file():
        for line in packed.read_text().splitlines():
            commit, _, reference = line.partition(" ")
            if reference == name:
                return Checkout(commit, branch)
    return Checkout(None, branch)
