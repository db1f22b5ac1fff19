"""Where a build came from: the checkout of its context, and the CI run."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# What each CI system documents: its name, the variable of its run's number, that of its page.
_CI_SYSTEMS = (
    ("GitLab", "CI_PIPELINE_ID", "CI_JOB_URL"),
    ("Buildkite", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_BUILD_URL"),
    ("CircleCI", "CIRCLE_BUILD_NUM", "CIRCLE_BUILD_URL"),
    ("Jenkins", "BUILD_NUMBER", "BUILD_URL"),
)
_ORIGIN = re.compile(r'^\[remote "origin"\]\s*$(.*?)(?=^\[|\Z)', re.MULTILINE | re.DOTALL)
_USER = re.compile(r"(?:(?<=://)|^)(?!git@)[^/@:]+@(?=[^/])")
_LOCAL = re.compile(r"(?:file://|[./~\\]|[A-Za-z]:[/\\])")
_URL = re.compile(r"^\s*url\s*=\s*(\S+)\s*$", re.MULTILINE)
# Seconds after which an uncommitted change may have come since.
_LATELY = 10.0
# A large checkout on a slow disk: better no answer than a command that ends late.
_GIT_PATIENCE = 2.0


class Checkout(NamedTuple):
    """What a Git checkout was at when it was built; None for what is not known.

    The branch of a detached HEAD is the one that the CI run is of, None outside of CI; `dirty` is
    whether files that the checkout tracks had changed.
    """

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    remote: str | None = None


class CiRun(NamedTuple):
    """The CI run that this process is part of: system and number, and its page."""

    run: str | None = None
    url: str | None = None


def checkout(
    folder: str, built: float, now: float, environ: Mapping[str, str] = os.environ
) -> Checkout:
    """The checkout that `folder` lies in, as it was at `built` (seconds since 1970).

    Read from its files, as a git process would cost 5 ms; only whether something was changed is
    asked of git, and only of a build that ended just before `now`. Where HEAD has moved since the
    build, nothing but the remote is known.
    """
    try:
        place = Path(folder).resolve()
        for parent in (place, *place.parents):
            if (parent / ".git").exists():
                git = _git_folder(parent / ".git")
                found = _head(git)._replace(remote=_remote(git))
                if _moved_since(git, built):
                    return Checkout(remote=found.remote)
                if found.commit and not found.branch:
                    found = found._replace(branch=_branch_of_ci(found.remote, environ))
                lately = found.commit is not None and now - built < _LATELY
                return found._replace(dirty=_is_dirty(place)) if lately else found
    except (OSError, ValueError):
        pass
    return Checkout()


def ci(environ: Mapping[str, str] = os.environ) -> CiRun:
    """The CI run that this process is part of, by the variables that each system documents."""
    repository, run = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_RUN_ID")
    if repository and run:
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return CiRun(f"GitHub {run}", f"{server}/{repository}/actions/runs/{run}")
    for system, number, page in _CI_SYSTEMS:
        if environ.get(page):
            run = f"{system} {environ[number]}" if environ.get(number) else system
            return CiRun(run, environ[page])
    return CiRun()


def _branch_of_ci(remote: str | None, environ: Mapping[str, str]) -> str | None:
    """The branch that the CI run is of; None for a tag, and for another repository's checkout.

    Source: GitHub, "Variables reference"; GitLab, "Predefined CI/CD variables".
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        repository = environ.get("GITHUB_REPOSITORY")
        is_tag = environ.get("GITHUB_REF_TYPE") == "tag"
        branch = environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME")
    elif environ.get("GITLAB_CI") == "true":
        repository = environ.get("CI_PROJECT_PATH")
        is_tag = bool(environ.get("CI_COMMIT_TAG"))
        merged = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
        branch = merged or environ.get("CI_COMMIT_REF_NAME")
    else:
        return None
    address = (remote or "").removesuffix("/").removesuffix(".git").lower()
    wanted = (repository or "").lower()
    is_another = wanted and ":" in address and not address.endswith((f"/{wanted}", f":{wanted}"))
    return None if is_tag or is_another else branch or None


def _is_dirty(folder: Path) -> bool | None:
    """Whether tracked files differ from the commit; None where git cannot tell."""
    command = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # a look must not touch the index
    try:
        asked = subprocess.run(
            command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=_GIT_PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return bool(asked.stdout.strip()) if asked.returncode == 0 else None


def _moved_since(git: Path, built: float) -> bool:
    """Whether HEAD was written after the build ended; its log has every move."""
    times = [
        path.stat().st_mtime for path in (git / "HEAD", git / "logs" / "HEAD") if path.exists()
    ]
    return max(times, default=0.0) > built + 1.0


def _remote(git: Path) -> str | None:
    """The address of the remote `origin`, by the repository's config, without the user's name."""
    config = _common(git) / "config"
    section = _ORIGIN.search(config.read_text(errors="replace")) if config.is_file() else None
    url = _URL.search(section[1]) if section else None
    return _public(url[1]) if url else None


def _public(url: str) -> str:
    """An address without what is the user's own: a name before `@`, the folders of a local path."""
    if _LOCAL.match(url):
        return re.split(r"[/\\]", url.rstrip("/\\"))[-1]
    return _USER.sub("", url)


def _git_folder(place: Path) -> Path:
    """The repository's folder; `.git` is a file that names it in worktrees and submodules."""
    if place.is_dir():
        return place
    return place.parent / place.read_text().partition("gitdir:")[2].strip()


def _common(git: Path) -> Path:
    """The repository that a worktree shares; the folder itself without worktrees."""
    shared = git / "commondir"
    return git / shared.read_text().strip() if shared.exists() else git


def _head(git: Path) -> Checkout:
    """What HEAD names, by the loose reference or the packed ones (gitrepository-layout(5))."""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return Checkout(head or None)
    name = head.partition(":")[2].strip()
    if name == "refs/heads/.invalid":  # gitformat-reftable: HEAD is in a table that we do not read
        return Checkout()
    branch = name.removeprefix("refs/heads/")
    common = _common(git)
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
