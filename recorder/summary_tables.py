"""The tables of sums and statistics, which are kept with every build and could be derived anew."""

from recorder.tables import Column, Table

C = Column

BUILD_STATISTICS = Table(
    "build_statistics",
    "One row for each image: what a query over its builds gives, kept with every build.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the image in this file."),
        C("image_name", "TEXT NOT NULL UNIQUE", "The series."),
        C("avg_duration", "REAL", "Mean duration of all successful builds.", "seconds"),
        C("avg_size_mb", "REAL", "Mean size of all builds that have one.", "MB"),
        C("total_builds", "INTEGER NOT NULL", "Builds, of any outcome."),
        C("last_build_timestamp", "TEXT", "When the latest build finished, in `timezone`."),
        C("timezone", "TEXT", "Zone of the latest build."),
        C("updated_at", "TEXT NOT NULL", "When this row last changed, UTC."),
        C("successful_builds", "INTEGER NOT NULL", "Builds that completed."),
        C("failed_builds", "INTEGER NOT NULL", "Builds that failed (not the canceled ones)."),
        C("min_duration", "REAL", "Shortest successful build.", "seconds"),
        C("max_duration", "REAL", "Longest successful build.", "seconds"),
        C("median_duration", "REAL", "Median of the latest 100 successful builds.", "seconds"),
        C("p95_duration", "REAL", "95th percentile (nearest rank) of the same 100.", "seconds"),
        C("last_duration", "REAL", "Latest successful build.", "seconds"),
        C("last_size_mb", "REAL", "Latest build that has a size.", "MB"),
        C("avg_cache_ratio", "REAL", "Mean cache ratio of successful builds.", "0 to 1"),
        C("total_duration", "REAL NOT NULL", "Time spent building, any outcome.", "seconds"),
    ),
)

BUILD_TOTALS = Table(
    "build_totals",
    "Running sums behind `build_statistics`, in whole microseconds, bytes and millionths, so that "
    "they come out exact in any order and recording costs the same however long the history is.",
    (
        C("image_name", "TEXT PRIMARY KEY", "The series."),
        C("builds", "INTEGER NOT NULL DEFAULT 0", "All builds."),
        C("completed", "INTEGER NOT NULL DEFAULT 0", "Completed builds."),
        C("failed", "INTEGER NOT NULL DEFAULT 0", "Failed builds."),
        C("all_us", "INTEGER NOT NULL DEFAULT 0", "Duration of all builds.", "microseconds"),
        C("completed_us", "INTEGER NOT NULL DEFAULT 0", "Of completed builds.", "microseconds"),
        C("sized", "INTEGER NOT NULL DEFAULT 0", "Builds that have a size."),
        C("size_bytes", "INTEGER NOT NULL DEFAULT 0", "Sum of their sizes.", "bytes"),
        C("ratios", "INTEGER NOT NULL DEFAULT 0", "Completed builds that have a cache ratio."),
        C("ratio_ppm", "INTEGER NOT NULL DEFAULT 0", "Sum of their ratios.", "millionths"),
        C("min_us", "INTEGER", "Shortest completed build.", "microseconds"),
        C("max_us", "INTEGER", "Longest completed build.", "microseconds"),
        C("last_sized_at", "TEXT", "When the latest build with a size finished, UTC."),
        C("last_size_mb", "REAL", "Its size.", "MB"),
    ),
    suffix=" WITHOUT ROWID",
)

_DAY_COLUMNS = (
    C("image_name", "TEXT NOT NULL", "The series."),
    C("day", "TEXT NOT NULL", "Day on which the builds finished, UTC."),
    C("builds", "INTEGER NOT NULL", "All builds."),
    C("completed", "INTEGER NOT NULL", "Completed builds."),
    C("failed", "INTEGER NOT NULL", "Failed builds."),
    C("all_us", "INTEGER NOT NULL", "Duration of all builds.", "microseconds"),
    C("completed_us", "INTEGER NOT NULL", "Of completed builds.", "microseconds"),
    C("min_us", "INTEGER", "Shortest completed build.", "microseconds"),
    C("max_us", "INTEGER", "Longest completed build.", "microseconds"),
    C("saved_us", "INTEGER NOT NULL", "What the cache saved.", "microseconds"),
    C("ratios", "INTEGER NOT NULL", "Completed builds that have a cache ratio."),
    C("ratio_ppm", "INTEGER NOT NULL", "Sum of their ratios.", "millionths"),
    C("cold", "INTEGER NOT NULL", "Of those, builds without a cache hit."),
    C("warm", "INTEGER NOT NULL", "Of those, builds with nothing but cache hits."),
    C("cold_us", "INTEGER NOT NULL", "Duration of the cold ones.", "microseconds"),
    C("warm_us", "INTEGER NOT NULL", "Duration of the warm ones.", "microseconds"),
    C("ratios_us", "INTEGER NOT NULL", "Duration of those with a ratio.", "microseconds"),
    C("last_size_mb", "REAL", "Size of the day's last build that has one.", "MB"),
)

BUILD_DAYS = Table(
    "build_days",
    "One row for each image and day: what a query over its builds gives, kept with every build.",
    _DAY_COLUMNS,
    ("PRIMARY KEY (image_name, day)",),
    " WITHOUT ROWID",
    since=2,
)

PRUNED_DAYS = Table(
    "pruned_days",
    "The same of the builds that `buildrec prune` has removed, so that trends outlive them.",
    _DAY_COLUMNS,
    ("PRIMARY KEY (image_name, day)",),
    " WITHOUT ROWID",
    since=2,
)
