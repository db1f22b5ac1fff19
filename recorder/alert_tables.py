"""The tables of alerts: what was judged, and what people said of it."""

from recorder.tables import Column, Index, Table

C = Column

ALERTS = Table(
    "alerts",
    "One row for each change that was found in a series of comparable builds, for worse or better.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the alert in this file."),
        C("image_name", "TEXT NOT NULL", "The image whose builds changed."),
        C("platform", "TEXT", "Platforms of the series, as in `docker_builds`."),
        C("target", "TEXT", "Target stage of the series."),
        C("builder", "TEXT", "Builder of the series."),
        C("cache_class", "TEXT", "`cold`, `partial` or `warm`; none where all classes compare."),
        C("size_kind", "TEXT", "What the sizes of the series count; none for other metrics."),
        C("metric", "TEXT NOT NULL", "`duration`, `step` (seconds), `size` (bytes) or `cache`."),
        C("step_key", "TEXT", "Identity of the step that changed, where the metric is `step`."),
        C("step_name", "TEXT", "Name of that step, secrets masked."),
        C("direction", "TEXT NOT NULL", "`worse` or `better`."),
        C("state", "TEXT NOT NULL",
          "`warning`, `open`, `confirmed`, `acknowledged`, `resolved` or `withdrawn`."),
        C("first_build_id", "INTEGER REFERENCES docker_builds (id) ON DELETE SET NULL",
          "The first build after the change; none when it is no longer here."),
        C("first_ref", "TEXT", "BuildKit's id of that build."),
        C("first_at", "TEXT NOT NULL", "When that build finished, UTC, fixed width."),
        C("git_commit", "TEXT", "Commit of that build."),
        C("ended_at", "TEXT", "When the first build that is back finished; none while it lasts."),
        C("last_good_build_id", "INTEGER REFERENCES docker_builds (id) ON DELETE SET NULL",
          "The last comparable build before the change."),
        C("last_good_ref", "TEXT", "BuildKit's id of that build."),
        C("last_good_commit", "TEXT", "Commit of that build."),
        C("before_value", "REAL NOT NULL", "Median before the change, in the metric's unit."),
        C("after_value", "REAL NOT NULL",
          "Median since the change, or since what undid a part of it, in the metric's unit."),
        C("before_count", "INTEGER NOT NULL", "How many builds the median before is of."),
        C("after_count", "INTEGER NOT NULL", "How many builds the median since is of."),
        C("spread", "REAL", "Usual deviation from the median before, in the metric's unit."),
        C("guilty_step_key", "TEXT", "Identity of the step that explains most of a duration."),
        C("guilty_step_name", "TEXT", "Name of that step, secrets masked."),
        C("guilty_seconds", "REAL", "How much longer (or shorter) that step takes.", "seconds"),
        C("rule", "TEXT NOT NULL", "`recent`, `segments`, `growth` or `size`: what found it."),
        C("parameters", "TEXT NOT NULL", "The rule's limits, a JSON object."),
        C("sentence", "TEXT NOT NULL", "The alert in one sentence, with its figures."),
        C("group_key", "TEXT NOT NULL", "Equal for alerts of one commit and direction."),
        C("created_at", "TEXT NOT NULL", "When it was first written, UTC."),
        C("updated_at", "TEXT NOT NULL", "When it last changed, UTC."),
    ),
    since=3,
)  # fmt: skip

ALERT_EVENTS = Table(
    "alert_events",
    "One row for each change of an alert's state, by a rule or by a person.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the event in this file."),
        C("alert_id", "INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE", "The alert."),
        C("at", "TEXT NOT NULL", "When, UTC."),
        C("state", "TEXT NOT NULL", "The alert's state from then on."),
        C("rule", "TEXT", "What changed it; none for a person."),
        C("note", "TEXT", "Why, in the words of a person or a rule; secrets masked."),
    ),
    since=3,
)

ALERT_MESSAGES = Table(
    "alert_messages",
    "One row for each message that was sent about a group of alerts, so that none goes twice.",
    (
        C("group_key", "TEXT NOT NULL", "The group of alerts."),
        C("state", "TEXT NOT NULL", "What was told: `open` or `resolved`."),
        C("channel", "TEXT NOT NULL", "Keyed hash of the address that it went to."),
        C("sent_at", "TEXT NOT NULL", "When, UTC."),
    ),
    ("PRIMARY KEY (group_key, state, channel)",),
    " WITHOUT ROWID",
    since=3,
)

JUDGED_IMAGES = Table(
    "judged_images",
    "One row for each image whose whole history was judged, so that it is not judged again.",
    (
        C("image_name", "TEXT PRIMARY KEY", "The image."),
        C("judged", "TEXT NOT NULL", "What its builds came to then, and by which rules."),
    ),
    (),
    " WITHOUT ROWID",
    since=3,
)

ALERT_TABLES: tuple[Table, ...] = (ALERTS, ALERT_EVENTS, ALERT_MESSAGES, JUDGED_IMAGES)

STATES = ("warning", "open", "confirmed", "acknowledged", "resolved", "withdrawn")
"""Every state that an alert can be in."""

STANDING = "state IN ('warning', 'open', 'confirmed')"
"""Which alerts stand: of these a series has one at most for each metric and direction."""

ALERT_INDEXES: tuple[Index, ...] = (
    Index(
        "standing_alerts",
        "CREATE UNIQUE INDEX standing_alerts ON alerts (image_name, metric, direction, "
        "ifnull(step_key, ''), ifnull(cache_class, ''), ifnull(platform, ''), "
        "ifnull(target, ''), ifnull(builder, ''), ifnull(size_kind, '')) "
        f"WHERE {STANDING}",
        "What stands of an image; one alert for a series, metric and direction.",
        since=3,
    ),
    Index(
        "alerts_by_image",
        "CREATE INDEX alerts_by_image ON alerts (image_name, first_at)",
        "The alerts of one image in order.",
        since=3,
    ),
    Index(
        "alerts_by_time",
        "CREATE INDEX alerts_by_time ON alerts (first_at)",
        "The latest alerts.",
        since=3,
    ),
    Index(
        "alerts_by_group",
        "CREATE INDEX alerts_by_group ON alerts (group_key)",
        "The alerts of one group.",
        since=3,
    ),
    Index(
        "alerts_by_first_build",
        "CREATE INDEX alerts_by_first_build ON alerts (first_build_id)",
        "The alerts that began with a build.",
        since=3,
    ),
    Index(
        "alerts_by_last_good_build",
        "CREATE INDEX alerts_by_last_good_build ON alerts (last_good_build_id)",
        "The alerts that a build is the last good one of.",
        since=3,
    ),
    Index(
        "events_by_alert",
        "CREATE INDEX events_by_alert ON alert_events (alert_id)",
        "What became of an alert.",
        since=3,
    ),
)
