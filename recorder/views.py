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
          s.error,
          s.bytes,
          CASE WHEN s.shared THEN (s.duration_us - min(s.started_us, 0)) / 1e6 END AS raw_duration
        FROM build_steps AS s
        JOIN step_names AS n ON n.id = s.name_id
    """,
}

VIEW_ABOUT = {
    "steps": "One row for each step of each build, with its name: seconds from the build's start. "
    "`raw_duration` is a shared step's whole duration, the part before this build included.",
}


def create_statements() -> list[str]:
    """The statements that make all views anew."""
    statements = []
    for name, query in VIEWS.items():
        lines = [line.removeprefix("        ") for line in query.strip("\n").splitlines()]
        body = "\n".join(lines).rstrip()
        statements += [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{body}"]
    return statements
