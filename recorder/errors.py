"""Every error that buildrec raises on purpose: what went wrong in one sentence, and its cure."""


class RecorderError(Exception):
    """Base of all errors that buildrec raises on purpose.

    `problem` says what went wrong, `cure` what to do about it; `slug` names the error in the
    docs, `exit_code` is what the command line returns for it.
    """

    slug = "error"
    exit_code = 1

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem, cure)
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.problem}: {self.cure}."


class BadValueError(RecorderError, ValueError):
    """A value that cannot be recorded or asked for, such as a negative duration."""

    slug = "bad-value"
    exit_code = 2


class DatabaseError(RecorderError):
    """Base of everything that is wrong with the database file."""

    slug = "database"


class DatabaseMissingError(DatabaseError):
    """A reading command found no database."""

    slug = "database-missing"


class NotADatabaseError(DatabaseError):
    """The file is not SQLite, or is somebody else's database."""

    slug = "not-a-database"


class DamagedDatabaseError(DatabaseError):
    """Pages of the file are damaged; a backup, or what can still be read, is what is left."""

    slug = "damaged-database"


class NewerDatabaseError(DatabaseError):
    """The file was written by a newer version of buildrec; it is left as it is."""

    slug = "newer-database"


class DatabaseLockedError(DatabaseError):
    """Another program held the write lock longer than the busy timeout."""

    slug = "database-locked"


class DatabaseReadOnlyError(DatabaseError):
    """The file or its folder cannot be written."""

    slug = "database-read-only"


class DiskFullError(DatabaseError):
    """The disk has no room for the record."""

    slug = "disk-full"


class EngineError(RecorderError):
    """Base of everything that is wrong with the engine or a builder."""

    slug = "engine"


class EngineUnreachableError(EngineError):
    """Nothing answers where the engine or the builder should be."""

    slug = "engine-unreachable"


class NoHistoryError(EngineError):
    """The engine answers but keeps no build history (older than 23.0, podman)."""

    slug = "no-history"


class RecordGoneError(EngineError):
    """The engine no longer holds the record of a build that was asked for."""

    slug = "record-gone"


class ImageGoneError(EngineError):
    """The engine does not hold the image whose size was asked for."""

    slug = "image-gone"


class CommandMissingError(RecorderError):
    """A program that a command needs is not installed."""

    slug = "command-missing"
    exit_code = 127


class BuildNotFoundError(RecorderError):
    """No recorded build matches what was asked for."""

    slug = "build-not-found"


class StepNotFoundError(RecorderError):
    """No step of the build, or more than one, matches what was asked for."""

    slug = "step-not-found"


class ImportFailedError(RecorderError):
    """A file to import cannot be read or understood as a whole."""

    slug = "import-failed"


class CannotServeError(RecorderError):
    """The publication cannot start, for instance because the port is taken."""

    slug = "cannot-serve"


class CannotWriteError(RecorderError):
    """A file that was asked for cannot be written."""

    slug = "cannot-write"


class CollectorError(RecorderError):
    """A collector of traces is away, or does not take what it is sent."""

    slug = "collector"


class NotSentError(RecorderError):
    """A message about alerts did not go out; the next run tries again."""

    slug = "not-sent"


class MissingExtraError(RecorderError):
    """A library that a command needs is not installed; `pip` installs it as an extra."""

    slug = "missing-extra"


class BadSettingsError(RecorderError):
    """A setting in pyproject.toml or buildrec.toml is not known, or is no such value."""

    slug = "bad-settings"
    exit_code = 2


class AlertNotFoundError(RecorderError):
    """No alert has the number that was asked for."""

    slug = "alert-not-found"
