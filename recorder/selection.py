"""Which builds are meant: of one image, of a time."""

from dataclasses import dataclass
from datetime import datetime

from recorder import times


@dataclass(frozen=True)
class Selection:
    """Builds of `image` that finished at `since` or later, and before `until`; None is no limit.

    Of all those, `latest` takes as many as it says, from the newest on.
    """

    image: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    latest: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether every build is meant."""
        return self == ALL

    def where(self, builds: str = "docker_builds") -> tuple[str, dict[str, str]]:
        """The WHERE clause over the table `builds` and its values; an empty clause for all."""
        conditions, values = [], {}
        if self.image is not None:
            conditions.append(f"{builds}.image_name = :image")
            values["image"] = self.image
        if self.since is not None:
            conditions.append(f"{builds}.completed_at >= :since")
            values["since"] = times.utc_text(self.since)
        if self.until is not None:
            conditions.append(f"{builds}.completed_at < :until")
            values["until"] = times.utc_text(self.until)
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        if self.latest is not None:
            clause = (
                f"WHERE {builds}.id IN (SELECT id FROM docker_builds AS {builds} {clause} "
                f"ORDER BY completed_at DESC, id DESC LIMIT {self.latest})"
            )
        return clause, values


ALL = Selection()
