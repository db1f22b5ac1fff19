"""The tables of what went into a build: bases, options, Dockerfile, files, how its steps depend."""

from recorder.tables import Column, Index, Table

C = Column

_PART = "INTEGER REFERENCES input_parts (id)"

INPUT_PARTS = Table(
    "input_parts",
    "Each distinct part of what went into builds once: most builds of a series share all of them.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the part in this file."),
        C("digest", "INTEGER NOT NULL UNIQUE", "Hash of its kind and its whole content."),
        C("kind", "TEXT NOT NULL", "`graph`, `bases`, `options`, `settings` or `files`."),
        C("base_id", _PART, "The part that `content` tells the difference from; none when whole."),
        C("content", "TEXT NOT NULL", "The part, one item a line, secrets masked."),
    ),
    since=3,
)

BUILD_INPUTS = Table(
    "build_inputs",
    "One row for each build of which more is known than its arguments: what went into it.",
    (
        C(
            "build_id",
            "INTEGER PRIMARY KEY REFERENCES docker_builds (id) ON DELETE CASCADE",
            "The build.",
        ),
        C("graph_id", _PART, "For each step, by `step_key` in order, the steps that it needs."),
        C("bases_id", _PART, "The images that it was built from, each with its digest."),
        C("options_id", _PART, "Options that change what runs, such as `no-cache`."),
        C("settings_id", _PART, "Lines of the Dockerfile that are no steps, such as ENV and ARG."),
        C("files_id", _PART, "The files that COPY and ADD may take, each with a keyed hash."),
    ),
    since=3,
)

INPUT_TABLES: tuple[Table, ...] = (INPUT_PARTS, BUILD_INPUTS)

INPUT_INDEXES: tuple[Index, ...] = ()
