"""Looks at the context of a build as it begins: the files that its COPY and ADD may take.

Only hashes are kept, and they are keyed as masks are: the unkeyed hash of a small file, such as one
that holds a password, could be found by trying in a file that is published.
"""

import contextlib
import hashlib
import hmac
import logging
import os
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from recorder import context_paths, dockerfile, redact
from recorder.capture import ignored
from recorder.capture.ignored import Rule
from recorder.context_paths import Pattern
from recorder.model import Listing

_LOG = logging.getLogger("recorder.capture")
# What a look may take: it runs beside the build, on a core that the build may want.
_SECONDS = 2.0
_MOST_FILES = 20_000
_MOST_BYTES = 32_000_000
# A file that is larger is known by its size and its time alone.
_LARGEST = 8_000_000
# Of more files each folder is kept as one.
_MOST_KEPT = 2_000
_DIGITS = 8
# Seconds to wait for a disk that hangs.
_PATIENCE = 1.0
_WEAK = "~"
UNKNOWN = "?"
"""The hash of what was not looked at: a link to a folder."""
_PLAIN_FOLDER = 0o755


class Seen(NamedTuple):
    """What was seen of a build's context: the Dockerfile's text, and its files."""

    dockerfile: str | None = None
    files: Listing | None = None


NOT_SEEN = Seen()
"""A context that is elsewhere, or was not looked at when the build began."""


class _LimitError(Exception):
    """A limit is reached; its text says which."""


def see(
    context: str, file: str | None, key: bytes, is_over: Callable[[], bool] = lambda: False
) -> Seen:
    """What COPY and ADD of the Dockerfile `file` may take of `context`, a path or something else.

    A look stops once `is_over`. `key` is that of the masks.
    """
    root = Path(context)
    if context == "-" or file == "-" or not root.is_dir():
        return NOT_SEEN
    path = Path(file) if file else root / "Dockerfile"
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return NOT_SEEN
    found = [context_paths.sources(line.text) for line in dockerfile.parse(text)]
    patterns = tuple(dict.fromkeys(pattern for each in found for pattern in each))
    return Seen(text, _Look(root, ignored.read(root, path), patterns, key, is_over).listing())


def key_id(key: bytes) -> str:
    """A name of the key that tells nothing of it."""
    return hmac.new(key, b"buildrec files", hashlib.sha256).hexdigest()[:_DIGITS]


class Looking:
    """A look at a context in a thread of its own, so that nothing waits for it."""

    def __init__(self, context: str, file: str | None) -> None:
        self._over = threading.Event()
        self._seen = NOT_SEEN
        self._thread = threading.Thread(target=self._look, args=(context, file), daemon=True)
        with contextlib.suppress(RuntimeError):  # the limit of threads is reached
            self._thread.start()

    def seen(self) -> Seen:
        """What was seen; a look that is not done is broken off."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)
        return self._seen

    def _look(self, context: str, file: str | None) -> None:
        try:
            self._seen = see(context, file, redact.load_key(), self._over.is_set)
        except Exception:  # noqa: BLE001 - a bug here must not cost the build's record
            _LOG.debug("looking at the context failed", exc_info=True)


class _Look:
    """One walk through a context."""

    def __init__(
        self,
        root: Path,
        rules: Sequence[Rule],
        patterns: tuple[Pattern, ...],
        key: bytes,
        is_over: Callable[[], bool],
    ) -> None:
        self._root = root
        self._rules = rules
        self._excepts = any(rule.exception for rule in rules)
        self._patterns = patterns
        # A keyed state that is copied for each file: half the time of a new one.
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)
        self._key_id = key_id(key)
        self._redactor = redact.Redactor(key)
        self._is_over = is_over
        self._deadline = time.monotonic() + _SECONDS
        self._bytes = 0
        self._count = 0

    def listing(self) -> Listing:
        """The files with their hashes; none, and why, where a limit was reached."""
        try:
            files = dict(self._walk("", self._patterns))
            if len(files) > _MOST_KEPT:
                files = self._by_folder(files)
        except _LimitError as limit:
            return Listing(self._key_id, {}, str(limit))
        if len(files) > _MOST_KEPT:
            return Listing(self._key_id, {}, f"it has more than {_MOST_KEPT} folders")
        # Masked here, beside the build, since a token's look may take a library of patterns.
        clean = self._redactor.text_once
        return Listing(self._key_id, {clean(path): digest for path, digest in files.items()})

    def _walk(self, folder: str, patterns: tuple[Pattern, ...]) -> Iterator[tuple[str, str]]:
        """Each file, and each folder that is empty or has a mode of its own, below `folder`."""
        try:
            entries = sorted(os.scandir(self._root / folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            self._go_on()
            path = f"{folder}{entry.name}"
            names = path.split("/")
            alive = tuple(it for it in patterns if context_paths.reaches(it, names))
            if not alive:
                continue
            is_ignored = bool(self._rules) and ignored.is_ignored(self._rules, path)
            if entry.is_dir(follow_symlinks=False):
                if not is_ignored or self._excepts:
                    yield from self._folder(entry, path, alive, is_ignored)
            elif not is_ignored and any(len(it) <= len(names) for it in alive):
                yield path, self._digest(entry)

    def _folder(
        self, entry: "os.DirEntry[str]", path: str, alive: tuple[Pattern, ...], is_ignored: bool
    ) -> Iterator[tuple[str, str]]:
        below = 0
        for found in self._walk(f"{path}/", alive):
            below += 1
            yield found
        if is_ignored or not context_paths.takes(alive, path):
            return
        try:
            mode = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
        except OSError:
            return
        if not below or mode != _PLAIN_FOLDER:
            yield f"{path}/", self._of(f"folder {mode:o}".encode())

    def _digest(self, entry: "os.DirEntry[str]") -> str:
        """A hash of what BuildKit's own looks at: the kind, the mode, the content; no time."""
        try:
            about = entry.stat(follow_symlinks=False)
            target = b""
            if stat.S_ISLNK(about.st_mode):
                target = os.fsencode(Path(entry.path).readlink())
                about = entry.stat()
                if stat.S_ISDIR(about.st_mode):
                    return UNKNOWN
            head = b"%o %s\n" % (about.st_mode, target)
            if not stat.S_ISREG(about.st_mode):
                return self._of(head)
            if about.st_size > _LARGEST or self._bytes + about.st_size > _MOST_BYTES:
                return _WEAK + self._of(head + b"%d %d" % (about.st_size, about.st_mtime_ns))
            self._bytes += about.st_size
            with open(entry.path, "rb", buffering=0) as file:
                return self._of(head + file.read(_LARGEST + 1))
        except OSError:  # it has gone meanwhile, is a broken link, or may not be read
            return UNKNOWN

    def _of(self, content: bytes) -> str:
        keyed = self._keyed.copy()
        keyed.update(content)
        return keyed.hexdigest()[:_DIGITS]

    def _by_folder(self, files: dict[str, str]) -> dict[str, str]:
        """One hash for the files of each folder, which then stands for them."""
        folders: dict[str, list[str]] = defaultdict(list)
        for path, digest in files.items():
            folders[path.rpartition("/")[0]].append(f"{path}\n{digest}")
        return {
            f"{folder}/": (_WEAK if any(f"\n{_WEAK}" in line for line in lines) else "")
            + self._of("\n".join(lines).encode(errors="replace"))
            for folder, lines in folders.items()
        }

    def _go_on(self) -> None:
        self._count += 1
        if self._count > _MOST_FILES:
            raise _LimitError(f"it has more than {_MOST_FILES} files")
        if self._is_over() or time.monotonic() > self._deadline:
            raise _LimitError("it could not be read in the time that the build took")
