"""The tables of benchmarks: their runs, what each measured, the images that were there."""

from recorder.tables import Column, Index, Table

C = Column

_OF_RUN = C(
    "run_id",
    "INTEGER NOT NULL REFERENCES benchmark_runs (id) ON DELETE CASCADE",
    "The run.",
)

BENCHMARK_RUNS = Table(
    "benchmark_runs",
    "One row for each run of benchmarks, and for each process that measured its own functions.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the run in this file."),
        C("ref", "TEXT NOT NULL UNIQUE", "Its id in whatever file it is."),
        C("kind", "TEXT NOT NULL", "`suites` (`buildrec bench run`) or `measured` (`@measured`)."),
        C("mode", "TEXT NOT NULL", "`solo`, or `contention`: copies at once; they never compare."),
        C("copies", "INTEGER NOT NULL", "How many copies of each benchmark ran at once."),
        C("quick", "INTEGER NOT NULL", "1 when it was a quick run, with fewer values."),
        C("status", "TEXT NOT NULL", "`running`, `completed`, `failed` or `interrupted`."),
        C("started_at", "TEXT NOT NULL", "When it began, UTC, fixed width."),
        C("completed_at", "TEXT", "When it ended, UTC; none of one that runs or was killed."),
        C("git_commit", "TEXT", "Commit of the folder that it ran in."),
        C("git_branch", "TEXT", "Branch of that folder."),
        C("git_dirty", "INTEGER", "1 when that folder had uncommitted changes."),
        C("git_remote", "TEXT", "Where that checkout came from, without credentials."),
        C("cpu", "TEXT", "Model of the processor."),
        C("cpus", "INTEGER", "Processors that this process may use, threads of a core counted."),
        C("cores", "INTEGER", "Cores of the machine; none where it does not say."),
        C("memory_bytes", "INTEGER", "Memory of the machine.", "bytes"),
        C("system", "TEXT", "Operating system and kernel."),
        C("python", "TEXT", "Implementation and version of Python."),
        C("versions", "TEXT NOT NULL", "Versions of buildrec and the libraries, a JSON object."),
        C("load_before", "REAL", "Load average of the minute before it began."),
        C("load_after", "REAL", "Load average of its last minute."),
    ),
    since=3,
)

BENCHMARK_MEASUREMENTS = Table(
    "benchmark_measurements",
    "One row for each benchmark of each run.",
    (
        _OF_RUN,
        C("suite", "TEXT NOT NULL", "The suite; of a measured function, its module."),
        C("benchmark", "TEXT NOT NULL", "The benchmark; of a measured function, its name."),
        C("status", "TEXT NOT NULL", "`completed`, `failed` or `skipped`."),
        C("reason", "TEXT", "Why it failed or was skipped, secrets masked."),
        C("unit", "TEXT NOT NULL", "Unit of the values: `s`, of one operation."),
        C("n", "INTEGER NOT NULL", "How many values there are."),
        C("mean", "REAL", "Mean of the values.", "seconds"),
        C("median", "REAL", "Median of the values.", "seconds"),
        C("stdev", "REAL", "Standard deviation of the values; none of a single one.", "seconds"),
        C("min", "REAL", "Smallest value.", "seconds"),
        C("max", "REAL", "Largest value.", "seconds"),
        C("loops", "INTEGER", "Operations timed together for one value."),
        C("processes", "INTEGER", "Processes that the values come from."),
        C("peak_memory_bytes", "INTEGER", "Most memory that a process of it held.", "bytes"),
        C("cpu_seconds", "REAL", "CPU time of one operation.", "seconds"),
        C("figures", "TEXT NOT NULL", "What else was checked and counted, a JSON object."),
        C("unstable", "TEXT NOT NULL", "Why the values may be unstable, a JSON array."),
        C("raw", "TEXT NOT NULL", "The values in seconds, an array a process in a JSON array."),
    ),
    ("PRIMARY KEY (run_id, suite, benchmark)",),
    " WITHOUT ROWID",
    since=3,
)

BENCHMARK_IMAGES = Table(
    "benchmark_images",
    "One row for each image of the project when a run began: its latest successful build.",
    (
        _OF_RUN,
        C("image_name", "TEXT NOT NULL", "The image, as in `docker_builds`."),
        C("ref", "TEXT", "BuildKit's id of that build."),
        C("built_at", "TEXT NOT NULL", "When that build finished, UTC, fixed width."),
        C("build_duration", "REAL NOT NULL", "How long that build took.", "seconds"),
        C("image_size_mb", "REAL NOT NULL", "Size of the image, 0.0 when there is none.", "MB"),
    ),
    ("PRIMARY KEY (run_id, image_name)",),
    " WITHOUT ROWID",
    since=3,
)

BENCHMARK_TABLES: tuple[Table, ...] = (BENCHMARK_RUNS, BENCHMARK_MEASUREMENTS, BENCHMARK_IMAGES)

BENCHMARK_INDEXES: tuple[Index, ...] = (
    Index(
        "benchmark_runs_by_time",
        "CREATE INDEX benchmark_runs_by_time ON benchmark_runs (started_at)",
        "The latest runs of benchmarks.",
        since=3,
    ),
    Index(
        "benchmark_runs_by_kind",
        "CREATE INDEX benchmark_runs_by_kind ON benchmark_runs (kind, started_at)",
        "The latest runs of suites, of which there are few among measured programs.",
        since=3,
    ),
    Index(
        "measurements_by_benchmark",
        "CREATE INDEX measurements_by_benchmark "
        "ON benchmark_measurements (suite, benchmark, run_id)",
        "One benchmark over all runs.",
        since=3,
    ),
)
