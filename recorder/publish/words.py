"""Words and links of our pages: moments with UTC on hover, verdicts, addresses of commits."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from recorder import figures, times
from recorder.errors import BadValueError

_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://)?(?:[^@/]+@)?([^/:]+(?::\d+)?)[/:](.+?)(?:\.git)?/?"
)
_OFFSET = re.compile(r"[+-]\d\d:\d\d$|Z$")
_COMMITS = {"gitlab": "-/commit", "bitbucket": "commits"}


class Verdict(NamedTuple):
    """How a figure stands to what is usual: the class of its colour, and the words."""

    class_: str
    words: str


def moment(stamp: str | None) -> Markup:
    """A stored timestamp to the minute in its own zone, with its offset and UTC on hover."""
    if not stamp:
        return Markup("—")
    try:
        utc = times.utc_text(times.parse(stamp))
    except BadValueError:  # another program wrote the row
        return escape(stamp)
    shown, offset = stamp[:16].replace("T", " "), _OFFSET.search(stamp)
    zone = f" (UTC{offset[0]})" if offset and offset[0] != "Z" else ""
    on_hover = f"{stamp[:19].replace('T', ' ')}{zone}, {utc[:19].replace('T', ' ')} UTC"
    return Markup('<time datetime="%s" title="%s">%s</time>') % (utc, on_hover, shown)


def verdict(value: float | None, usual: float | None) -> Verdict | None:
    """A duration against what is usual: a change, or `as usual`; None where nothing is usual."""
    if value is None or not usual:
        return None
    if figures.is_as_usual(value, usual):
        return Verdict("soft", "as usual")
    return Verdict("slower" if value > usual else "quicker", change(value, usual))


def change(value: float, before: float) -> str:
    """The change from one figure to another: `+25 %` or `3.1 x`; nothing of less than 0.5 %."""
    if abs(value - before) < before * 0.005:
        return ""
    if value >= before * 3:
        share = value / before
        return f"{share:{',.0f' if share >= 100 else '.3g'}} \N{MULTIPLICATION SIGN}"
    sign = "+" if value >= before else "\N{MINUS SIGN}"
    return f"{sign}{abs(value / before - 1):.0%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def points(share: float, before: float) -> str:
    """The change from one share to another in points of a percentage: `+24 points`."""
    found = round(share * 100) - round(before * 100)
    sign = "+" if found > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(found)} point{'' if abs(found) == 1 else 's'}" if found else ""


def counted(number: int, one: str) -> str:
    """A number with its noun: `1 build`, `1,204 builds`."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def commit_address(remote: str | None, commit: str | None) -> str | None:
    """The web page of a commit, for a remote of a known kind; None for another, or none."""
    found = _REMOTE.fullmatch(remote or "")
    if not found or not commit or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    host, path = found.groups()
    if "." not in host or not re.fullmatch(r"[\w.~/-]+", path):
        return None
    kind = next((word for name, word in _COMMITS.items() if name in host), "commit")
    return f"https://{host}/{path}/{kind}/{commit}"


def items(text: str | None) -> list[str]:
    """What a JSON array or object lists, as `value` or `name=value`; the text itself if neither."""
    try:
        found = json.loads(text or "[]")
    except ValueError:  # another program wrote the row
        return [text or ""]
    if isinstance(found, dict):
        return [f"{name}={value}" for name, value in found.items()]
    return [str(item) for item in found] if isinstance(found, list) else [str(found)]


def web_address(address: str | None) -> str | None:
    """`address` where it is one of the web; None for any other scheme, which must not be a link."""
    return address if address and re.match(r"https?://[^\s]+$", address) else None


FILTERS: dict[str, Callable[..., Any]] = {
    "build_duration": figures.duration,
    "build_size": figures.megabytes,
    "build_share": figures.percent,
    "build_moment": moment,
    "build_counted": counted,
}
