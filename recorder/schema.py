"""The tables, a sentence for each table and column; docs/schema.md is printed from this."""

from recorder import derived_columns as derived
from recorder import rebuilt_tables
from recorder.alert_tables import ALERT_INDEXES, ALERT_TABLES
from recorder.benchmark_tables import BENCHMARK_INDEXES, BENCHMARK_TABLES
from recorder.input_tables import INPUT_INDEXES, INPUT_TABLES
from recorder.layer_tables import IMAGE_LAYERS, IMAGES, LAYER_INSTRUCTIONS
from recorder.summary_tables import BUILD_DAYS, BUILD_STATISTICS, BUILD_TOTALS, PRUNED_DAYS
from recorder.tables import Column, Index, Table

VERSION = 4
"""Goes up with every migration; stored as `user_version`, so that a newer file is recognised."""

APPLICATION_ID = 0x62726563
"""`brec`, stored as SQLite's `application_id`, so that a file can be told from somebody else's."""

C = Column

DOCKER_BUILDS = Table(
    "docker_builds",
    "One row for each build. The first eleven columns are what older tools read.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the build in this file."),
        C("image_name", "TEXT NOT NULL", "The series: repository, plus a tag that is a word."),
        C("build_duration", "REAL NOT NULL", "How long the build took.", "seconds"),
        C("image_size_mb", "REAL NOT NULL", "Image size, 0.0 when there is no image.", "MB"),
        C("build_timestamp", "TEXT NOT NULL", "When it finished, ISO 8601 in `timezone`."),
        C("timezone", "TEXT NOT NULL", "IANA zone that `build_timestamp` is written in."),
        C("dockerfile_path", "TEXT", "The Dockerfile, relative to the context."),
        C("build_args", "TEXT", "Build arguments as a JSON object, secrets masked."),
        C("success", "INTEGER NOT NULL", "1 when the build completed, else 0."),
        C("error_message", "TEXT", "Why it did not complete, secrets masked."),
        C("created_at", "TEXT NOT NULL", "When this row was written, UTC."),
        C("ref", "TEXT UNIQUE", "BuildKit's id of the build; none for one measured elsewhere."),
        C(
            "source",
            "TEXT NOT NULL DEFAULT 'import'",
            "How it came in: build, run, sync, record, import ...",
        ),
        derived.STATUS,
        derived.STARTED_AT,
        derived.COMPLETED_AT,
        C("builder", "TEXT", "Name of the builder."),
        C("platform", "TEXT", "Platforms built for, comma separated."),
        C("target", "TEXT", "Target stage that was asked for."),
        C("image_tags", "TEXT", "All tags given to the image, a JSON array."),
        C("image_digest", "TEXT", "Digest of the image's config, or of its index."),
        C("image_size_bytes", "INTEGER", "Image size as its store counts it.", "bytes"),
        C("size_kind", "TEXT", "What the size counts; only equal kinds compare."),
        C("git_commit", "TEXT", "Commit of the context."),
        C("git_branch", "TEXT", "Branch of the context."),
        C("git_dirty", "INTEGER", "1 when the context had uncommitted changes."),
        C("git_remote", "TEXT", "Where the checkout came from, without credentials."),
        C("ci_run", "TEXT", "The CI system and its number of the run that built it."),
        C("ci_url", "TEXT", "Page of the CI run that built it."),
        C("total_steps", "INTEGER", "Steps as BuildKit counts them, loads and exports included."),
        C("completed_steps", "INTEGER", "Completed steps as BuildKit counts them."),
        C("cached_steps", "INTEGER", "Cached steps as BuildKit counts them."),
        C("cache_ratio", "REAL", "Cached share of the instruction steps that ran.", "0 to 1"),
        derived.CACHE_CLASS,
        derived.SAVED_SECONDS,
        derived.CRITICAL_PATH_SECONDS,
        C("context_bytes", "INTEGER", "Build context sent to the builder.", "bytes"),
        C("warnings", "INTEGER", "Warnings that the builder gave."),
        C("error_excerpt", "TEXT", "The failing lines of the Dockerfile, masked.", since=2),
        C("canceled", "INTEGER NOT NULL DEFAULT 0", "1 when it was ended before its end.", since=4),
        C("saved_us", "INTEGER", "`saved_seconds` as a whole number.", "microseconds", since=4),
        C(
            "critical_path_us",
            "INTEGER",
            "`critical_path_seconds` as a whole number.",
            "microseconds",
            since=4,
        ),
    ),
)

_COMPACT = frozenset({"canceled", "saved_us", "critical_path_us"})
TOLD = tuple(column for column in DOCKER_BUILDS.columns if column.name not in _COMPACT)
"""The columns of a build without those that only say again what derived ones say readably."""

STEP_NAMES = Table(
    "step_names",
    "Each distinct step once: names repeat from build to build.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the name in this file."),
        C("step_key", "TEXT NOT NULL", "Identity of the step across builds."),
        C("name", "TEXT NOT NULL", "BuildKit's name, secrets masked."),
        C("kind", "TEXT NOT NULL", "Instruction in lower case, or internal, export ..."),
        C("stage", "TEXT", "Stage of the Dockerfile."),
        C("step", "INTEGER", "The n of `[stage n/m]`."),
        C("steps", "INTEGER", "The m of `[stage n/m]`."),
        C("platform", "TEXT", "Platform, in a build for several."),
        C("instruction", "TEXT", "Instruction with argument values put back as `${NAME}`."),
    ),
    ("UNIQUE (step_key, name)",),
)

BUILD_STEPS = Table(
    "build_steps",
    "One row for each step of each build, compact; the view `steps` gives the readable rows.",
    (
        C(
            "build_id",
            "INTEGER NOT NULL REFERENCES docker_builds (id) ON DELETE CASCADE",
            "The build.",
        ),
        C("position", "INTEGER NOT NULL", "Place in the order in which the steps began."),
        C("name_id", "INTEGER NOT NULL REFERENCES step_names (id)", "Its name and identity."),
        C(
            "marks",
            "INTEGER NOT NULL",
            "0 cached, 1 critical, 2 both, 3 neither; 4 more if shared.",
            since=4,
        ),
        derived.CACHED,
        derived.SHARED,
        derived.CRITICAL,
        C("started_us", "INTEGER", "Start, from the build's own; may lie before.", "microseconds"),
        C("duration_us", "INTEGER", "Duration inside the build; none when cut.", "microseconds"),
        C("bytes", "INTEGER", "Context sent, or layers pulled or pushed.", "bytes"),
    ),
    ("PRIMARY KEY (build_id, position)",),
    " WITHOUT ROWID",
)

STEP_ERRORS = Table(
    "step_errors",
    "One row for each step that failed, since most steps have no error.",
    (
        C(
            "build_id",
            "INTEGER NOT NULL REFERENCES docker_builds (id) ON DELETE CASCADE",
            "The build.",
        ),
        C("position", "INTEGER NOT NULL", "Place of the step, as in `build_steps`."),
        C("error", "TEXT NOT NULL", "Why the step failed, secrets masked."),
    ),
    ("PRIMARY KEY (build_id, position)",),
    " WITHOUT ROWID",
    since=4,
)

STEP_LAST_RUNS = Table(
    "step_last_runs",
    "How long each step of a series took when it last really ran: what its cache hits save.",
    (
        C("image_name", "TEXT NOT NULL", "The series."),
        C("step_key", "TEXT NOT NULL", "Identity of the step across builds."),
        C("completed_at", "TEXT NOT NULL", "When the build of that run finished, UTC."),
        C("duration_us", "INTEGER NOT NULL", "How long the step ran.", "microseconds"),
    ),
    ("PRIMARY KEY (image_name, step_key)",),
    " WITHOUT ROWID",
)

BUILD_WARNINGS = Table(
    "build_warnings",
    "One row for each warning that the builder gave, equal ones once.",
    (
        C(
            "build_id",
            "INTEGER NOT NULL REFERENCES docker_builds (id) ON DELETE CASCADE",
            "The build.",
        ),
        C("position", "INTEGER NOT NULL", "Place among the build's warnings."),
        C("rule", "TEXT NOT NULL", "Name of the rule, as in its address."),
        C("line", "INTEGER", "Line of the Dockerfile."),
        C("message", "TEXT NOT NULL", "What the builder said, secrets masked."),
    ),
    ("PRIMARY KEY (build_id, position)",),
    " WITHOUT ROWID",
)

LIVE_BUILDS = Table(
    "live_builds",
    "What runs now, as a `buildrec watch` sees it; the view `live` leaves out what went stale.",
    (
        C("ref", "TEXT PRIMARY KEY", "BuildKit's id of the build."),
        C("image_name", "TEXT NOT NULL", "The series."),
        C("builder", "TEXT NOT NULL", "Name of the builder."),
        C("started_at", "TEXT NOT NULL", "When it began, UTC, fixed width."),
        C("steps", "INTEGER NOT NULL", "Steps known so far."),
        C("completed_steps", "INTEGER NOT NULL", "Steps that are done."),
        C("cached_steps", "INTEGER NOT NULL", "Steps that came from the cache."),
        C("current_step", "TEXT", "A step that runs now, secrets masked."),
        C("usual_duration", "REAL", "What is usual for the series.", "seconds"),
        C("recorder", "TEXT NOT NULL", "Which recorder sees it."),
        C("updated_at", "TEXT NOT NULL", "When that recorder last said so, UTC."),
    ),
    suffix=" WITHOUT ROWID",
)

IMPORTED_FILES = Table(
    "imported_files",
    "What was taken in from other files.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the import."),
        C("sha256", "TEXT NOT NULL UNIQUE", "Digest of the file's content."),
        C("name", "TEXT NOT NULL", "Its name, without its folder."),
        C("format", "TEXT NOT NULL", "Which format it was found to be."),
        C("rows_in", "INTEGER NOT NULL", "Builds that it added."),
        C("rows_known", "INTEGER NOT NULL", "Builds that were known already."),
        C("rows_rejected", "INTEGER NOT NULL", "Rows that could not be understood."),
        C("imported_at", "TEXT NOT NULL", "When, UTC."),
    ),
)

TABLES = (
    DOCKER_BUILDS,
    BUILD_STATISTICS,
    BUILD_TOTALS,
    BUILD_DAYS,
    PRUNED_DAYS,
    STEP_NAMES,
    BUILD_STEPS,
    STEP_ERRORS,
    STEP_LAST_RUNS,
    BUILD_WARNINGS,
    IMAGES,
    LAYER_INSTRUCTIONS,
    IMAGE_LAYERS,
    LIVE_BUILDS,
    IMPORTED_FILES,
    *ALERT_TABLES,
    *INPUT_TABLES,
    *BENCHMARK_TABLES,
)

INDEXES = (
    Index(
        "builds_by_time",
        "CREATE INDEX builds_by_time ON docker_builds (completed_at)",
        "The latest builds.",
    ),
    Index(
        "builds_by_image",
        "CREATE INDEX builds_by_image ON docker_builds "
        "(image_name, completed_at, success, build_duration)",
        "The builds of one image in order, with all that a trend of durations needs.",
    ),
    Index(
        "last_runs_by_step",
        "CREATE INDEX last_runs_by_step ON step_last_runs (step_key)",
        "The images that have a step.",
        since=2,
    ),
    *ALERT_INDEXES,
    *INPUT_INDEXES,
    *BENCHMARK_INDEXES,
)
_REBUILT = (BUILD_STEPS, DOCKER_BUILDS)


def statements(version: int) -> list[str]:
    """The statements that bring the version before `version` to it, views and rows aside."""
    since = rebuilt_tables.SINCE
    tables = [
        rebuilt_tables.before(table) if table in _REBUILT and version < since else table
        for table in TABLES
        if table not in _REBUILT or version != since
    ]
    made = [line for table in tables for line in table.statements(version)]
    if version == since:
        made += rebuilt_tables.statements(_REBUILT, INDEXES)
    return made + [index.sql for index in INDEXES if index.since == version]
