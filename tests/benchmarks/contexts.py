"""Build contexts that need no registry, and the command that builds them."""

import shutil
from pathlib import Path

BUILDX = ("docker", "buildx", "build")

_BUSYBOX = Path("/bin/busybox")  # a static one, as in Debian's busybox-static
_DOCKERFILE = """\
FROM scratch AS base
COPY busybox /bin/sh
COPY busybox /bin/busybox
RUN echo one > /one
RUN echo two > /two
FROM base
RUN echo three > /three
COPY --from=base /two /other
"""


def make_context(folder: Path) -> Path:
    """A context of eight steps in two stages, built from nothing but busybox."""
    folder.mkdir()
    shutil.copy(_BUSYBOX, folder / "busybox")
    (folder / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
    return folder
