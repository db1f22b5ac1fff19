"""What a build is called: the repository, plus the tag when that is a word."""

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder import naming

TAGS = [
    # no tag, or one that only follows what is newest
    ("app", "app"),
    ("app:latest", "app"),
    ("app:main", "app"),
    ("app:master", "app"),
    ("app:trunk", "app"),
    ("app:develop", "app"),
    ("app:HEAD", "app"),
    # words
    ("app:dev", "app:dev"),
    ("app:docs", "app:docs"),
    ("app:docs-slim", "app:docs-slim"),
    ("app:test", "app:test"),
    ("app:prod", "app:prod"),
    ("app:staging", "app:staging"),
    ("app:nightly", "app:nightly"),
    ("app:stable", "app:stable"),
    ("app:debug-nonroot", "app:debug-nonroot"),
    ("app:slim-bookworm", "app:slim-bookworm"),
    ("app:alpine", "app:alpine"),
    ("app:test_tools", "app:test_tools"),
    ("app:facade", "app:facade"),
    # versions, dates, numbers
    ("app:1", "app"),
    ("app:42", "app"),
    ("app:1.2", "app"),
    ("app:1.2.3", "app"),
    ("app:v1.2.3", "app"),
    ("app:v2", "app"),
    ("app:1.2.3-rc.1", "app"),
    ("app:1.2.3-alpine", "app"),
    ("app:3.12-slim-bookworm", "app"),
    ("app:2025-07-10", "app"),
    ("app:20250710", "app"),
    ("app:20250710-0856", "app"),
    ("app:nightly-20250710", "app"),
    ("app:build-1234", "app"),
    ("app:b1234", "app"),
    ("app:r15", "app"),
    # hashes
    ("app:7d27480", "app"),
    ("app:853b976aa3c9e5a1f0d4", "app"),
    ("app:sha-7d27480", "app"),
    ("app:sha-deadbeef", "app"),
    ("app:deadbeef", "app"),
    ("app:DEADBEEF", "app"),
    ("app:main-7d27480", "app"),
    ("app@sha256:" + "ab" * 32, "app"),
    ("app:dev@sha256:" + "ab" * 32, "app:dev"),
    # branches
    ("app:feature-login", "app"),
    ("app:feat-login-form", "app"),
    ("app:fix-login", "app"),
    ("app:hotfix-login", "app"),
    ("app:release-candidate", "app"),
    ("app:renovate-python", "app"),
    ("app:dependabot-pip-click", "app"),
    ("app:pr-17", "app"),
    ("app:PR-17", "app"),
    ("app:JIRA-123-login", "app"),
    ("app:some-long-branch-name", "app"),
    # registries, ports, folders
    ("docker.io/library/app:dev", "app:dev"),
    ("docker.io/team/app:1.0", "team/app"),
    ("library/app", "app"),
    ("team/app:dev", "team/app:dev"),
    ("ghcr.io/team/app:v1", "ghcr.io/team/app"),
    ("localhost:5000/app", "localhost:5000/app"),
    ("localhost:5000/app:dev", "localhost:5000/app:dev"),
    ("registry.example.com:443/a/b/c:1.2", "registry.example.com:443/a/b/c"),
    (" app:dev ", "app:dev"),
]


@pytest.mark.parametrize(("tag", "name"), TAGS)
def test_a_tag_that_is_a_word_is_part_of_the_name_and_any_other_is_not(tag, name):
    assert naming.image_name([tag]) == name


def test_the_first_tag_that_says_something_names_the_build():
    assert naming.image_name(["app:1.2.3", "app:dev"]) == "app"
    assert naming.image_name(["app:dev", "other:latest"]) == "app:dev"
    assert naming.image_name(["", "  ", "app:dev"]) == "app:dev"


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ("/home/me/shop", "shop"),
        ("/home/me/shop/", "shop"),
        ("shop", "shop"),
        ("./services/api", "api"),
        ("C:\\Users\\me\\shop", "shop"),
        ("/home/me/c#-service", "c#-service"),
        ("https://github.com/team/shop.git", "shop"),
        ("https://github.com/team/shop.git#main", "shop"),
        ("https://github.com/team/shop.git#main:services/api", "api"),
        ("https://github.com/team/shop.git#:services/api", "api"),
        ("git@github.com:team/shop.git#v1:", "shop"),
        ("github.com/team/shop#main", "shop"),
        ("https://example.com/shop.tar.gz", "shop"),
        ("-", "unnamed"),
        ("", "unnamed"),
        (None, "unnamed"),
        (".", "unnamed"),
        ("..", "unnamed"),
        ("/", "unnamed"),
    ],
)
def test_a_build_without_a_tag_is_named_after_its_context(context, name):
    assert naming.image_name([], context) == name
    assert naming.image_name(["", " "], context) == name


@given(st.lists(st.text(), max_size=3), st.none() | st.text())
def test_every_build_gets_a_name(tags, context):
    assert naming.image_name(tags, context)


@given(st.text("abcdefgh", min_size=1, max_size=8), st.text("0123456789abcdef", min_size=7))
def test_a_tag_for_each_commit_leaves_one_series(repository, commit):
    assert naming.image_name([f"{repository}:{commit}"]) == repository
    assert naming.image_name([f"{repository}:sha-{commit}"]) == repository
