"""Where a publication shows a build and an image, for those who link to it from elsewhere."""

from urllib.parse import quote, urlsplit

from recorder.errors import BadValueError

_DATABASE = "docker_build_history"


def of_build(base: str, ref: str | None, number: int) -> str:
    """The page of a build in the publication at `base`.

    By its ref, which is the same in each file that holds the build; its `number` is this file's.
    """
    if ref is None:
        return f"{_root(base)}/docker_builds/{number}"
    return f"{_root(base)}/steps_of_build?build={quote(ref, safe='')}"


def of_image(base: str, image_name: str) -> str:
    """The page of an image in the publication at `base`."""
    return f"{_root(base)}/image?image_name={quote(image_name, safe='')}"


def checked(base: str) -> str:
    """`base` itself; raises BadValueError when it is no web address."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc or set(base) & set(" \t\n<>()\"'"):
        raise BadValueError(f"{base!r} is not a web address", "write it as https://builds.example/")
    return base


def _root(base: str) -> str:
    return f"{base.rstrip('/').removesuffix(f'/{_DATABASE}')}/{_DATABASE}"
