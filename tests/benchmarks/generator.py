"""Invents histories that look like real ones: the same seed gives the same builds.

`histories(1_000_000)` yields builds in the order in which they finished. Images have a character
of their own (stages, platforms, size, how often they are built) and drift: durations and sizes
grow slowly and jump now and then; 4 % of the builds fail and 1 % are canceled.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from recorder.model import Build
from tests.benchmarks.images import Image, make_images
from tests.benchmarks.outcomes import Outcome, Outcomes

UNTIL = datetime(2025, 7, 1, 12, tzinfo=UTC)
"""When the last build of a history finishes."""

_BRANCHES = ("main",) * 6 + ("develop", "feature/login-with-passkeys", "fix/slow-checkout", "v2")
_FAILED, _CANCELED = 0.04, 0.01
_CACHES = (("cold",) * 3 + ("partial",) * 12 + ("warm",) * 5, 20)


def histories(
    count: int,
    *,
    images: int = 20,
    steps: int = 20,
    days: float = 730,
    until: datetime = UNTIL,
    seed: int = 1,
    first: int = 0,
) -> Iterator[Build]:
    """`count` builds of `images` images with about `steps` steps each, over `days` up to `until`.

    `first` numbers the first build, so that another history of the same seed has other refs.
    """
    source = random.Random(seed)
    made = make_images(images, steps, source)
    outcomes = {image.name: Outcomes(image, source) for image in made}
    chosen = source.choices(made, [image.weight for image in made], k=count)
    gap = days * 86400 / max(count, 1)
    moment = until - timedelta(days=days)
    for number, image in enumerate(chosen, first):
        moment += timedelta(seconds=gap * (0.5 + source.random()))
        yield _build(number, image, outcomes[image.name], min(moment, until), source)


def _build(
    number: int, image: Image, outcomes: Outcomes, moment: datetime, source: random.Random
) -> Build:
    luck = source.random()
    status = "failed" if luck < _FAILED else "canceled" if luck < _FAILED + _CANCELED else ""
    outcome: Outcome = outcomes.next(status or _CACHES[0][int(source.random() * _CACHES[1])])
    wait = round(0.2 + source.random(), 6)
    bits = f"{source.getrandbits(512):0128x}"
    commit = bits[:40]
    size = outcomes.size(number)
    good = not status
    return Build(
        image_name=image.name,
        build_duration=outcome.duration + wait,
        completed_at=moment,
        status=status or "completed",  # type: ignore[arg-type]
        source="build",
        ref=f"{number:08x}{bits[40:57]}",
        image_size_bytes=size if good else None,
        size_kind="unpacked" if good else None,
        dockerfile_path=image.dockerfile,
        build_args=image.build_args,
        error_message=outcome.error,
        builder="default",
        platform=image.platform,
        target=image.target,
        image_tags=(f"{image.repository}:{commit[:12]}",),
        image_digest=f"sha256:{bits[57:121]}" if good else None,
        git_commit=commit,
        git_branch=_BRANCHES[int(source.random() * len(_BRANCHES))],
        git_dirty=False,
        ci_url=f"https://ci.example.com/acme/{image.slug}/runs/{4_000_000 + number}",
        total_steps=outcome.total_steps,
        completed_steps=outcome.completed_steps,
        cached_steps=outcome.cached_steps,
        cache_ratio=outcome.cache_ratio,
        critical_path_seconds=outcome.critical_path_seconds,
        context_bytes=outcome.context_bytes,
        warnings=outcome.warnings,
        steps=outcome.steps,
    )
