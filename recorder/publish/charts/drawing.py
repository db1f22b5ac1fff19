"""A drawing: SVG elements with their texts escaped, for a page or as a file of its own.

Places along the time axis are percentages, so that a drawing fills whatever width it gets and its
letters keep their size; heights are pixels.
"""

from collections.abc import Iterable
from html import escape
from itertools import count
from typing import NamedTuple

from markupsafe import Markup

from recorder import harmless

WIDTH = 800
"""Pixels across, where a drawing stands alone."""

_NUMBERS = count(1)


def clean(text: object) -> str:
    """A text on one line, escaped, without what XML forbids or what turns the direction."""
    return escape(harmless.line(str(text)))


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """One element around `content`, which is SVG; attributes of None are left out.

    A trailing underscore goes (`class_`), others become dashes (`text_anchor`).
    """
    words = [
        f' {key.rstrip("_").replace("_", "-")}="{clean(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return f"<{name}{''.join(words)}>{content}</{name}>"


def text(words: object, /, **attributes: object) -> str:
    """A text element."""
    return element("text", clean(words), **attributes)


def tip(words: object) -> str:
    """What a pointer that rests on the element around it shows."""
    return element("title", clean(words))


def percent(share: float) -> str:
    """A share from 0 to 1 of the width."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


def link(address: str | None, content: str) -> str:
    """`content` as a link that the tab key passes by: the table beside it holds the same links."""
    return element("a", content, href=address, tabindex="-1") if address else content


def shape(points: Iterable[tuple[float, float]], class_: str, *, closed: bool = False) -> str:
    """A line, or a closed shape, through points of shares from 0 to 1, y counted downwards."""
    steps = " ".join(f"{x * 1000:.2f},{y * 1000:.2f}" for x, y in points)
    return element("polygon" if closed else "polyline", class_=class_, points=steps)


def stretched(content: str, *, top: float, height: float) -> str:
    """Shapes of `shape`, stretched over the whole width between `top` and `top + height`."""
    return element(
        "svg", content, y=top, width="100%", height=height, viewBox="0 0 1000 1000",
        preserveAspectRatio="none", overflow="visible",
    )  # fmt: skip


class Chart(NamedTuple):
    """A drawing with what it says in words: its title, and a sentence about what it shows."""

    content: str
    height: float
    title: str
    about: str
    width: int = WIDTH
    gutter: int = 0
    """Pixels left of the content, for what it says at negative places."""

    def on_page(self) -> Markup:
        """As part of a page, as wide as its place; the page holds the styles."""
        kind = "chart gutter" if self.gutter else "chart"
        drawn = self._root(
            self.content, next(_NUMBERS), class_=kind, width="100%", height=self.height
        )
        return Markup(drawn)  # noqa: S704 - `element` has escaped every text

    def alone(self) -> str:
        """As a document of its own, with its styles, to be shown as an image."""
        style = element("style", STYLE)
        paper = element("rect", class_="paper", width="100%", height="100%")
        content = element(
            "svg", self.content, x=self.gutter, width=self.width - self.gutter, overflow="visible"
        ) if self.gutter else self.content  # fmt: skip
        return self._root(
            style + paper + content, 1, class_="chart", xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self.width} {self.height:g}", width=self.width, height=self.height,
        )  # fmt: skip

    def _root(self, content: str, number: int, **attributes: object) -> str:
        names = f"chart{number}-title chart{number}-about"
        inside = (
            element("title", clean(self.title), id=f"chart{number}-title")
            + element("desc", clean(self.about), id=f"chart{number}-about")
            + content
        )
        return element("svg", inside, role="group", aria_labelledby=names, **attributes)


def place(x: float, y: float, content: str) -> str:
    """`content`, drawn about its own zero, at a share of the width and pixels from the top."""
    return element("svg", content, x=percent(x), y=y, overflow="visible")


def clipped(content: str, *, x: float, y: float, width: float, height: float) -> str:
    """`content` in a window of its own, so that a long text ends where the window does."""
    return element("svg", content, x=percent(x), y=y, width=percent(width), height=height)


def _short(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


_LIGHT = {
    "ink": "#1c2733", "soft": "#5b6874", "line": "#dfe4e8", "paper": "#ffffff", "ran": "#3f7fb5",
    "critical": "#c96a10", "cached": "#8ba69a", "bad": "#c0223b", "off": "#8a939b",
    "saved": "#3c9a6b", "band": "#3f7fb5", "c1": "#3f7fb5", "c2": "#c96a10", "c3": "#3c9a6b",
    "c4": "#8d5fb0", "c5": "#b0922a", "c6": "#c2557f", "c7": "#4b9fa5", "c8": "#7d6f64",
    "c9": "#5566c2", "c10": "#7c9a2d",
}  # fmt: skip
_DARK = {
    "ink": "#e3e9ee", "soft": "#9fabb6", "line": "#323d48", "paper": "#161d24", "ran": "#68a6d8",
    "critical": "#f0a04b", "cached": "#76907f", "bad": "#ff7285", "off": "#7d8790",
    "saved": "#5fc191", "band": "#68a6d8", "c1": "#68a6d8", "c2": "#f0a04b", "c3": "#5fc191",
    "c4": "#b78ad8", "c5": "#d8bb52", "c6": "#e885ab", "c7": "#72c7cd", "c8": "#a99a8d",
    "c9": "#8c9bf0", "c10": "#a9c95a",
}  # fmt: skip


def _colours(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())


PALETTE = (
    f":root{{color-scheme:light dark;{_colours(_LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_colours(_DARK)}}}}}"
)
"""The colours of pages and drawings, light and dark, as custom properties."""

_FILLS = (
    "ran", "critical", "cached", "bad", "off", "saved",
    *(f"c{number}" for number in range(1, 11)),
)  # fmt: skip

RULES = (
    ".chart{display:block;font:12px system-ui,-apple-system,'Segoe UI',sans-serif;overflow:visible}"
    ".chart text{fill:var(--soft);font-variant-numeric:tabular-nums}"
    ".chart .ink{fill:var(--ink)}.chart .head{fill:var(--ink);font-weight:600}"
    ".chart .paper{fill:var(--paper)}"
    ".chart .grid{stroke:var(--line);stroke-width:1;shape-rendering:crispEdges}"
    ".chart.gutter{box-sizing:border-box;padding-left:58px}"
    ".chart .band{fill:var(--band);opacity:.14}"
    ".chart .usual{fill:none;stroke:var(--band);stroke-width:1.5;opacity:.75;"
    "vector-effect:non-scaling-stroke}"
    ".chart .size{fill:none;stroke:var(--saved);stroke-width:2;vector-effect:non-scaling-stroke}"
    ".chart .trend{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}"
    ".chart .change{stroke-width:1.5;stroke-dasharray:4 3}"
    ".chart .hollow{fill:var(--paper);stroke-width:2}"
    ".chart a:hover circle,.chart a:hover rect{stroke:var(--ink);stroke-width:2}"
    + "".join(
        f".chart .{name}{{fill:var(--{name})}}.chart .line-{name}{{stroke:var(--{name})}}"
        for name in _FILLS
    )
)  # fmt: skip
"""How the classes of a drawing look."""

STYLE = PALETTE + RULES
