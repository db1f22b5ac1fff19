"""Reads a gzipped OCI layout into memory, with limits on what a file may make us hold."""

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any

from recorder.errors import ImportFailedError

GZIP = b"\x1f\x8b"
MOST_BYTES = 256_000_000
"""Unpacked size of the largest file that is read; a build's trace is seldom above 1 MB."""
_MOST_MEMBERS = 50_000
_PIECE = 1 << 16
_CURE = "export the build again with `docker buildx history export`"


def read(path: Path, most: int = MOST_BYTES) -> dict[str, bytes]:
    """The files of the layout at `path` by their names; links and other odd members are left out.

    `most` is how many bytes it may unpack to. Raises ImportFailedError for what is cut off,
    damaged, too large, or no such archive; OSError when the file cannot be read.
    """
    try:
        with gzip.open(path, "rb") as unpacked:
            stream = _Limited(unpacked, most)
            found = _members(stream, most)
            while stream.read(_PIECE):  # to the end, where the checksum is
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImportFailedError(f"it is cut off or damaged ({error})", _CURE) from error
    except tarfile.TarError as error:
        raise ImportFailedError(f"it is no archive of build records ({error})", _CURE) from error
    except (ValueError, OverflowError, IndexError, KeyError) as error:  # tarfile at odd headers
        raise ImportFailedError("it is a damaged archive", _CURE) from error
    if "index.json" not in found or "oci-layout" not in found:
        raise ImportFailedError("it is no archive of build records", _CURE)
    return found


def _members(stream: "_Limited", most: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    held = 0
    source: Any = stream  # tarfile asks for no more than `read`
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for number, member in enumerate(archive):
            if number >= _MOST_MEMBERS:
                raise too_large(most)
            if not member.isreg() or member.issparse():
                continue
            held += member.size  # a header may promise more than there is
            if not 0 <= held <= most:
                raise too_large(most)
            file = archive.extractfile(member)
            if file is not None:
                found[member.name.removeprefix("./")] = file.read()
    return found


def too_large(most: int) -> ImportFailedError:
    """The error of a file that unpacks to more than `most` bytes."""
    return ImportFailedError(
        f"it unpacks to more than {most // 1_000_000} MB", "export fewer builds into one file"
    )


class _Limited:
    """A stream that ends in an error where more than `most` bytes were read from it."""

    def __init__(self, stream: "IO[bytes] | gzip.GzipFile", most: int) -> None:
        self._stream = stream
        self._most = most
        self._left = most

    def read(self, size: int = _PIECE) -> bytes:
        """At most `size` bytes."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise too_large(self._most)
        return data
