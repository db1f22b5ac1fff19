"""Invented images: their names, their platforms and the steps of their Dockerfiles."""

import random
from dataclasses import dataclass

from recorder import step_names

_TEAMS = ("web", "billing", "search", "media", "identity", "shipping", "data", "edge", "mobile")
_PARTS = ("api", "worker", "frontend", "gateway", "scheduler", "importer", "admin", "reports")
_REGISTRIES = ("", "", "ghcr.io/acme/", "registry.example.com/platform/")
_STAGES = ("base", "deps", "build", "test", "assets", "runtime")
_WORK = (
    "COPY --link package.json package-lock.json tsconfig.json ./",
    "RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --prefer-offline",
    "RUN apt-get update && apt-get install -y --no-install-recommends build-essential",
    "RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt",
    "COPY --chown=app:app src/ /app/src/",
    "RUN go build -trimpath -ldflags '-s -w' -o /out/server ./cmd/server",
    "RUN make generate && make build TARGET=release && make strip",
    "RUN npm run build -- --mode production && npm prune --omit=dev",
    "RUN pytest -q --maxfail=1 tests/unit && ruff check src",
    "WORKDIR /app/services",
    "COPY --from=build /out/server /usr/local/bin/server",
    "RUN useradd --system --uid 10001 app && mkdir -p /var/lib/app",
)
_LENGTH = 80


@dataclass(frozen=True)
class Line:
    """One step as a Dockerfile gives it, and the seconds that it usually takes."""

    name: str
    step_key: str
    parsed: step_names.StepName
    seconds: float


@dataclass(frozen=True)
class Image:
    """What stays the same about an image from build to build."""

    name: str
    repository: str
    slug: str
    dockerfile: str
    target: str | None
    platform: str
    build_args: dict[str, str]
    size: int
    weight: float
    lines: tuple[Line, ...]


def make_images(count: int, steps: int, source: random.Random) -> list[Image]:
    """`count` different images whose builds have `steps` steps; the first are built most often."""
    return [_image(number, steps, source) for number in range(count)]


def _image(number: int, steps: int, source: random.Random) -> Image:
    team, part = _TEAMS[number % len(_TEAMS)], _PARTS[number // len(_TEAMS) % len(_PARTS)]
    generation = number // (len(_TEAMS) * len(_PARTS))
    slug = f"{team}-{part}" + (f"-{generation + 1}" if generation else "")
    repository = f"{_REGISTRIES[number % len(_REGISTRIES)]}{slug}"
    platforms = ("linux/amd64", "linux/arm64") if number % 5 == 4 else ("linux/amd64",)
    speed = source.lognormvariate(0, 0.6)
    return Image(
        name=f"{repository}:dev" if number % 7 == 3 else repository,
        repository=repository,
        slug=slug,
        dockerfile="Dockerfile" if number % 3 else f"services/{slug}/Dockerfile",
        target="runtime" if number % 2 else None,
        platform=",".join(platforms),
        build_args={"VERSION": f"{number}.4.2", "NODE_ENV": "production"},
        size=int(source.lognormvariate(19.5, 0.8)),
        weight=1 / (1 + number) ** 0.5,
        lines=tuple(_lines(slug, steps, platforms, speed, source)),
    )


def _lines(
    slug: str, steps: int, platforms: tuple[str, ...], speed: float, source: random.Random
) -> list[Line]:
    """The internal steps and the exports, and between them the instructions of each platform."""
    before = ["[internal] load build definition from Dockerfile", "[internal] load .dockerignore",
              "[internal] load build context"]  # fmt: skip
    after = ["exporting to image"]
    if steps < 8:
        before, after = before[2:], []
    each = max(1, (steps - len(before) - len(after)) // len(platforms))
    middle = [
        name
        for platform in platforms
        for name in _instructions(slug, each, platform if len(platforms) > 1 else "", source)
    ]
    found = [_line(name, 0.05 + 0.2 * source.random()) for name in before]
    found += [_line(name, speed * source.lognormvariate(0.5, 1.2)) for name in middle]
    return [*found, *(_line(name, 0.5 + source.random()) for name in after)]


def _instructions(slug: str, count: int, platform: str, source: random.Random) -> list[str]:
    stages = sorted(source.sample(range(len(_STAGES)), k=min(count, 3)))
    names = []
    for i, stage in enumerate(stages):
        share = count // len(stages) + (i < count % len(stages))
        for step in range(1, share + 1):
            head = " ".join(filter(None, [platform, _STAGES[stage], f"{step}/{share}"]))
            name = f"[{head}] {_text(slug, step, source)}"
            names.append(f"{name} # {slug} {_STAGES[stage]} {step} ".ljust(_LENGTH, "-")[:_LENGTH])
    return names


def _text(slug: str, step: int, source: random.Random) -> str:
    if step == 1:
        return f"FROM docker.io/library/{source.choice(('node:22', 'python:3.13', 'golang:1.24'))}"
    return _WORK[source.randrange(len(_WORK))].replace("server", slug)


def _line(name: str, seconds: float) -> Line:
    parsed = step_names.parse(name)
    return Line(name, step_names.identity(parsed, parsed.text, 0), parsed, seconds)
