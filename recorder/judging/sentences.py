"""Says an alert in one sentence, with its figures."""

from recorder import figures, harmless
from recorder.judging.finding import Finding

_LONGEST = 60


def of(
    finding: Finding, step_name: str | None, guilty_name: str | None, layer: str | None = None
) -> str:
    """The sentence, such as `my-app: 412 s is 40 % above the usual 294 s of the last 20 ...`.

    `layer` is a clause about the layer that makes most of a change of size.
    """
    series, first = finding.series, finding.first
    subject = harmless.line(series.image_name)
    if series.metric == "step":
        subject += f", {short(step_name or 'a step')}"
    text = f"{subject}: {_change(finding)}, since build {first.id}"
    if first.git_commit:
        text += f" (commit {first.git_commit[:7]})"
    if finding.guilt and guilty_name:
        more = "more" if finding.guilt.seconds > 0 else "less"
        text += f"; {short(guilty_name)} takes {seconds(abs(finding.guilt.seconds))} {more}"
    return f"{text}; {layer}" if layer else text


def short(name: str) -> str:
    """A step's name on one line, cut where it is long."""
    line = " ".join(harmless.line(name).split())
    return f"`{line[: _LONGEST - 1]}…`" if len(line) > _LONGEST else f"`{line}`"


def seconds(value: float) -> str:
    """Seconds for comparing: in one unit, with three digits."""
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def _change(finding: Finding) -> str:
    before, after = finding.before, finding.after
    cache = f"{finding.series.cache_class} " if finding.series.cache_class else ""
    count = finding.before_count
    kind = f"comparable {cache}build" if count == 1 else f"{count} comparable {cache}builds"
    if finding.series.metric == "cache":
        return (
            f"{figures.percent(after)} of its steps came from the cache, where "
            f"{figures.percent(before)} is usual of the last {kind}"
        )
    share = f"{abs(after - before) / before * 100:.0f} % " if before else ""
    side = "above" if after > before else "below"
    if finding.series.metric == "size":
        old, new = figures.megabytes(before / 1e6), figures.megabytes(after / 1e6)
    else:
        old, new = seconds(before), seconds(after)
    usual = "best" if finding.rule == "growth" else "usual"
    steps = " for the steps that ran" if finding.series.cache_class == "partial" else ""
    return f"{new} is {share}{side} the {usual} {old}{steps} of the last {kind}"
