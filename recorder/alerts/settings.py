"""What a project asks of its builds: `[tool.buildrec]` of pyproject.toml, or buildrec.toml."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Any

from recorder import quantities
from recorder.alerts import toml_lines
from recorder.errors import BadSettingsError
from recorder.judging.limits import LIMITS

OWN = "buildrec.toml"
_SHARED = "pyproject.toml"
FAIL_ON = ("regression", "warning")
_MOST_BITS = 64
_NOT_RULES = frozenset({"images", "ignore", "notify"})


@dataclass(frozen=True)
class Rules:
    """What fails a check: findings of these metrics, and budgets that are broken.

    `max_duration` is seconds, `max_size` MB of 10^6 bytes, `min_cache` a share; None sets no
    budget. `min_change` is the share that a slower build or step must reach to fail.
    """

    fail_on: str = "regression"
    metrics: tuple[str, ...] = tuple(LIMITS)
    min_change: float = 0.0
    max_duration: float | None = None
    max_size: float | None = None
    min_cache: float | None = None


@dataclass(frozen=True)
class Settings:
    """The rules of a project, those of single images, and images that are never failed.

    `notify` are the addresses that alerts are told to, which may hold secrets.
    """

    rules: Rules = Rules()
    images: Mapping[str, Rules] = None  # type: ignore[assignment]
    ignore: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()

    def of(self, image_name: str) -> Rules:
        """The rules of an image."""
        return (self.images or {}).get(image_name, self.rules)

    def ignores(self, image_name: str) -> bool:
        """Whether an image's builds never fail a check."""
        return any(fnmatchcase(image_name, pattern) for pattern in self.ignore)


_KEYS = tuple(field.name.replace("_", "-") for field in fields(Rules))


def find(folder: Path) -> Settings:
    """The settings that hold in a folder: the nearest there or above; defaults where none are.

    Raises BadSettingsError, which names the file and its line.
    """
    for place in (folder, *folder.parents):
        for name in (OWN, _SHARED):
            path = place / name
            if path.is_file() and (found := read(path)) is not None:
                return found
    return Settings()


def read(path: Path) -> Settings | None:
    """The settings in a file; None for a pyproject.toml without any."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadSettingsError(
            f"{path} cannot be read ({_why(error)})", "mend what it names"
        ) from error
    place: tuple[str, ...] = ()
    if path.name == _SHARED:
        tool = content.get("tool", {})
        if not isinstance(tool, dict) or "buildrec" not in tool:
            return None
        content, place = tool["buildrec"], ("tool", "buildrec")
    return _Reader(path, text).settings(content, place)


def _why(error: Exception) -> str:
    """What TOML's parser, or Python below it, could not read."""
    if isinstance(error, RecursionError):
        return "a value in it is nested too deeply"
    if isinstance(error, OSError | UnicodeDecodeError | tomllib.TOMLDecodeError):
        return str(error)
    return "a number in it has too many digits"


class _Reader:
    """Checks the content of one file; every complaint names the line."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def settings(self, content: Any, place: tuple[str, ...]) -> Settings:
        self._table(content, place)
        own = {key: value for key, value in content.items() if key not in _NOT_RULES}
        rules = self._rules(own, place, Rules(), others=tuple(sorted(_NOT_RULES)))
        images = content.get("images", {})
        self._table(images, (*place, "images"))
        of_images = {}
        for name, asked in images.items():
            inner = (*place, "images", name)
            self._table(asked, inner)
            of_images[name] = self._rules(asked, inner, rules)
        ignore = self._texts(content.get("ignore", []), (*place, "ignore"))
        notify = content.get("notify", [])
        if not isinstance(notify, list) or not all(isinstance(text, str) for text in notify):
            here = (*place, "notify")  # not told what it is, as an address may hold a secret
            raise self._wrong(here, "it is no list of addresses", 'write it as ["json://host"]')
        return Settings(rules, of_images, ignore, tuple(notify))

    def _rules(
        self,
        content: Mapping[str, Any],
        place: tuple[str, ...],
        rules: Rules,
        others: tuple[str, ...] = (),
    ) -> Rules:
        for key, value in content.items():
            here = (*place, key)
            if key not in _KEYS:
                raise self._unknown(key, here, (*_KEYS, *others))
            if isinstance(value, int) and value.bit_length() > _MOST_BITS:
                raise self._wrong(here, "it has too many digits", "give a smaller number")
            rules = replace(rules, **{key.replace("-", "_"): self._value(key, value, here)})
        return rules

    def _value(self, key: str, value: Any, here: tuple[str, ...]) -> Any:
        if key == "fail-on":
            return self._choice(value, FAIL_ON, here)
        if key == "metrics":
            return tuple(self._choice(v, tuple(LIMITS), here) for v in self._texts(value, here))
        if isinstance(value, str) and (read := _READ[key](value)) is not None:
            return read
        # A budget that is no number (`nan`) or has no end would never be broken.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
            raise self._wrong(here, f"{value!r} is no number from 0 up", _UNITS[key])
        if key == "min-cache" and value > 1:
            raise self._wrong(here, f"{value!r} is more than the whole", _UNITS[key])
        return float(value)

    def _choice(self, value: Any, choices: tuple[str, ...], here: tuple[str, ...]) -> str:
        if value not in choices:
            listed = ", ".join(choices)
            raise self._wrong(here, f"{_shown(value)} is not known", f"say one of {listed}")
        return str(value)

    def _texts(self, value: Any, here: tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            problem = f"{_shown(value)} is no list of texts"
            raise self._wrong(here, problem, 'write it as ["one", "two"]')
        return tuple(value)

    def _table(self, content: Any, here: tuple[str, ...]) -> None:
        if not isinstance(content, dict):
            raise self._wrong(here, "it is no table", f"write it as [{'.'.join(here)}]")

    def _unknown(self, key: str, here: tuple[str, ...], keys: tuple[str, ...]) -> BadSettingsError:
        near = get_close_matches(key, keys, 1)
        cure = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(sorted(keys))}"
        return self._wrong(here, f"`{key}` is not known", cure.rstrip("?"))

    def _wrong(self, here: tuple[str, ...], problem: str, cure: str) -> BadSettingsError:
        line = toml_lines.line_of(self._text, here)
        place = f"{self._path}, line {line}" if line else str(self._path)
        name = f", `{here[-1]}`" if here and f"`{here[-1]}`" not in problem else ""
        return BadSettingsError(f"{place}{name}: {problem}", cure)


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # a number of more digits than Python writes
        return "it"


_UNITS = {
    "max-duration": 'give seconds, such as 300, or a text, such as "5m"',
    "max-size": 'give MB, such as 250, or a text, such as "1.5GB"',
    "min-cache": 'give a share, such as 0.8, or a text, such as "80%"',
    "min-change": 'give a share, such as 0.1, or a text, such as "10%"',
}
_READ: Mapping[str, Callable[[str], float | None]] = {
    "max-duration": quantities.seconds,
    "max-size": quantities.megabytes,
    "min-cache": quantities.share,
    "min-change": quantities.part,
}
"""How a text is read, as the options of `check` read it."""
