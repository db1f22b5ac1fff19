"""Answers Prometheus: figures by image, from the summary tables alone."""

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from datasette import Response

from recorder.alert_tables import STANDING
from recorder.publish import health
from recorder.publish.site import DATABASE

if TYPE_CHECKING:
    from prometheus_client import Metric

ROUTE = r"/-/metrics$"

MOST_IMAGES = 500
"""Images that are told of, those with the most time spent on them: twelve time series each.

As many series of alerts are told at most."""

# Counters are made of whole microseconds, as a sum of seconds that comes out a trifle less than
# before is a reset to Prometheus. Of `pruned_days` only the images told of are looked at.
_IMAGES = f"""
WITH told AS MATERIALIZED (
  SELECT * FROM build_statistics ORDER BY total_duration DESC, image_name LIMIT {MOST_IMAGES}
), pruned AS MATERIALIZED (
  SELECT image_name, sum(builds) AS builds, sum(completed) AS completed, sum(failed) AS failed,
    sum(all_us) AS all_us
  FROM told CROSS JOIN pruned_days USING (image_name) GROUP BY image_name
)
SELECT image_name,
  told.successful_builds + ifnull(pruned.completed, 0) AS ever_completed,
  told.failed_builds + ifnull(pruned.failed, 0) AS ever_failed,
  told.total_builds - told.successful_builds - told.failed_builds
    + ifnull(pruned.builds - pruned.completed - pruned.failed, 0) AS ever_canceled,
  (build_totals.all_us + ifnull(pruned.all_us, 0)) / 1e6 AS ever_spent,
  last_duration, median_duration, p95_duration,
  told.last_size_mb * 1000000 AS last_size_bytes, avg_cache_ratio,
  CAST(strftime('%s', last_build_timestamp) AS INTEGER) AS last_build_at,
  successful_builds * 1.0 / nullif(successful_builds + failed_builds, 0) AS success_ratio
FROM told JOIN build_totals USING (image_name) LEFT JOIN pruned USING (image_name)
ORDER BY total_duration DESC, image_name
"""
# The index of those that stand answers both; resolved ones, which gather, are not looked at.
_TOLD_ALERTS = f"""
FROM alerts
WHERE {STANDING} AND direction = 'worse' AND EXISTS (
  SELECT 1 FROM build_statistics WHERE build_statistics.image_name = alerts.image_name)
"""
_ALERTS = f"""
SELECT image_name, metric, state, count(*) AS alerts {_TOLD_ALERTS}
GROUP BY image_name, metric, state
ORDER BY alerts DESC, image_name, metric, state LIMIT {MOST_IMAGES}
"""
_ALERTS_BY_STATE = f"SELECT state, count(*) AS alerts {_TOLD_ALERTS} GROUP BY state"
_STANDING_STATES = ("warning", "open", "confirmed")
_STATUSES = {
    "completed": "ever_completed",
    "failed": "ever_failed",
    "canceled": "ever_canceled",
}
_GAUGES = {
    "last_duration": ("last_build_duration_seconds", "Latest successful build."),
    "median_duration": (
        "median_build_duration_seconds",
        "Median of the latest 100 successful builds.",
    ),
    "last_build_at": (
        "last_build_timestamp_seconds",
        "When the latest build finished, of any outcome, since 1970.",
    ),
    "success_ratio": (
        "success_ratio",
        "Completed share of the builds that completed or failed.",
    ),
    "p95_duration": (
        "p95_build_duration_seconds",
        "95th percentile of the latest 100 successful builds.",
    ),
    "last_size_bytes": ("last_image_size_bytes", "Size of the latest image."),
    "avg_cache_ratio": (
        "cache_ratio",
        "Mean share of instructions that came from the cache, of successful builds.",
    ),
}


class _Figures(NamedTuple):
    """What the metrics say, read in one go."""

    images: list[sqlite3.Row]
    alerts: list[sqlite3.Row]
    alerts_by_state: dict[str, int]
    known: int
    live: int
    newest: str | None


async def metrics(datasette: Any, request: Any) -> Response:
    """All metrics, in the form of Prometheus that the client asks for."""
    # Takes 70 ms to import, and most servers are never asked.
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector

    figures = await datasette.get_database(DATABASE).execute_fn(_read)

    class Figures(Collector):
        def collect(self) -> "Iterator[Metric]":
            return _families(figures)

    registry = CollectorRegistry()
    registry.register(Figures())
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(
        encode(registry).decode(), headers={"cache-control": "no-store"}, content_type=content_type
    )


def _read(connection: sqlite3.Connection) -> _Figures:
    def one(query: str) -> Any:
        return connection.execute(query).fetchone()[0]

    return _Figures(
        connection.execute(_IMAGES).fetchall(),
        connection.execute(_ALERTS).fetchall(),
        dict(connection.execute(_ALERTS_BY_STATE).fetchall()),
        one("SELECT count(*) FROM build_statistics"),
        one("SELECT count(*) FROM live"),
        one("SELECT max(completed_at) FROM docker_builds"),
    )


def _families(figures: _Figures) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    builds = CounterMetricFamily(
        "buildrec_builds",
        "Builds recorded, those that were pruned included.",
        labels=("image_name", "status"),
    )
    for row in figures.images:
        for status, column in _STATUSES.items():
            builds.add_metric((row["image_name"], status), row[column])
    yield builds

    spent = CounterMetricFamily(
        "buildrec_build_seconds",
        "Time spent building, any outcome, builds that were pruned included.",
        labels=("image_name",),
    )
    for row in figures.images:
        spent.add_metric((row["image_name"],), row["ever_spent"])
    yield spent

    for column, (name, about) in _GAUGES.items():
        gauge = GaugeMetricFamily(f"buildrec_{name}", about, labels=("image_name",))
        for row in figures.images:
            if row[column] is not None:
                gauge.add_metric((row["image_name"],), row[column])
        yield gauge

    standing = GaugeMetricFamily(
        "buildrec_standing_alerts",
        "Alerts that stand, for worse; an image is told of by buildrec_image_alerts.",
        labels=("state",),
    )
    for state in _STANDING_STATES:
        standing.add_metric((state,), figures.alerts_by_state.get(state, 0))
    yield standing
    of_images = GaugeMetricFamily(
        "buildrec_image_alerts",
        "Alerts that stand, for worse.",
        labels=("image_name", "metric", "state"),
    )
    for row in figures.alerts:
        of_images.add_metric((row["image_name"], row["metric"], row["state"]), row["alerts"])
    yield of_images

    most = f"Images recorded; of {MOST_IMAGES} at most there are figures."
    yield GaugeMetricFamily("buildrec_images", most, figures.known)
    yield GaugeMetricFamily("buildrec_live_builds", "Builds that run now.", figures.live)
    age = health.age(figures.newest)
    if age is not None:
        yield GaugeMetricFamily(
            "buildrec_newest_build_age_seconds", "Since the newest build finished.", age
        )
