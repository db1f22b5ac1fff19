"""Views as data: readable rows over the compact tables."""

VIEWS = {
    "steps": """
        SELECT
          s.build_id,
          s.position,
          n.stage,
          n.step,
          n.steps,
          n.platform,
          n.instruction,
          n.name,
          n.step_key,
          n.kind,
          s.cached,
          s.shared,
          s.started_us / 1e6 AS started,
          s.duration_us / 1e6 AS duration,
          s.critical,
          (
            SELECT e.error FROM step_errors AS e
            WHERE e.build_id = s.build_id AND e.position = s.position
          ) AS error,
          s.bytes,
          CASE WHEN s.shared THEN (s.duration_us - min(s.started_us, 0)) / 1e6 END AS raw_duration
        FROM build_steps AS s
        JOIN step_names AS n ON n.id = s.name_id
    """,
    "build_layers": """
        SELECT
          b.id AS build_id,
          l.position,
          n.instruction,
          l.bytes
        FROM docker_builds AS b
        JOIN images AS i ON i.image_digest = b.image_digest
        JOIN image_layers AS l ON l.image_id = i.id
        JOIN layer_instructions AS n ON n.id = l.instruction_id
    """,
    "live": """
        SELECT
          ref,
          image_name,
          builder,
          started_at,
          round((julianday('now') - julianday(started_at)) * 86400, 1) AS elapsed,
          usual_duration,
          steps,
          completed_steps,
          cached_steps,
          current_step
        FROM live_builds
        WHERE julianday(updated_at) > julianday('now') - 30 / 86400.0
    """,
}

VIEW_ABOUT = {
    "build_layers": "One row for each entry of the history of a build's image, from the base up, "
    "with the bytes that its instruction added.",
    "steps": "One row for each step of each build, with its name: seconds from the build's start. "
    "`raw_duration` is a shared step's whole duration, the part before this build included.",
    "live": "What runs now: builds that a `buildrec watch` has seen in the last 30 seconds.",
}


def create_statements() -> list[str]:
    """The statements that make all views anew."""
    statements = []
    for name, query in VIEWS.items():
        lines = [line.removeprefix("        ") for line in query.strip("\n").splitlines()]
        body = "\n".join(lines).rstrip()
        statements += [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{body}"]
    return statements
