"""Says with which build another was compared, and what else is usual."""

from recorder import figures
from recorder.explain.explanation import Why

_ALIKE = {"series": "", "target": " of any builder"}


def lines(why: Why) -> list[str]:
    """The usual build that a build was compared with, and what is usual with as much cached."""
    usual, other = why.usual, why.reference
    if usual is None or other is None:
        return []
    moment = other["build_timestamp"][:16].replace("T", " ")
    middle = (
        f"the middle of the {usual.builds} builds before{_ALIKE[usual.alike]}"
        if usual.builds > 1
        else "the only one before"
    )
    found = [f"compared with build {usual.build} ({moment}), {middle}"]
    alike = why.usual_alike
    if alike and why.verdict != "as usual":
        cached = why.build["cache_class"]
        what = {"cold": "nothing", "warm": "all"}.get(cached, "as much")
        if abs(alike - usual.duration) > 0.1 * usual.duration:
            found.append(f"usual with {what} cached: {figures.duration(alike)}")
    return found
