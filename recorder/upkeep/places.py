"""Tells what kind of disk a file lies on, for SQLite's locks do not work on every one."""

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
# SQLite, "How to corrupt an SQLite database file", 2.1, and "Write-ahead logging": all programs
# that use a WAL database must be on the same host.
_SHARED = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|ncpfs|vboxsf|drvfs|davfs|"
    r"fuse\.(sshfs|glusterfs|s3fs|rclone|gcsfuse|davfs|goofys|ceph)"
)


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that `path` lies on, such as `ext4`; empty where it is unknown.

    `mounts` is the text of Linux's /proc/self/mountinfo (proc(5)).
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text()
        except OSError:
            return ""
    place = path.resolve()
    found = ("", "")
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = _plain(fields.split(" ")[4])
        # Of mounts on the same point the last hides the others.
        if place.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, rest.split(" ")[0])
    return found[1]


def is_shared(kind: str) -> bool:
    """Whether several hosts may write a file system of this type, with locks that cannot hold."""
    return bool(_SHARED.fullmatch(kind))


def _plain(text: str) -> str:
    """A field without the escapes of its blanks."""
    return re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), text)
