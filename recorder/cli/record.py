"""`buildrec record`."""

import click

from recorder import spool, times
from recorder.cli.context import App
from recorder.errors import BadValueError
from recorder.model import STATUSES, Build, seconds


@click.command()
@click.argument("image_name")
@click.option("--duration", required=True, metavar="SECONDS", help="How long the build took.")
@click.option("--size-mb", metavar="MB", help="Image size in MB of 10^6 bytes.")
@click.option("--inspect", is_flag=True, help="Ask the engine for the size of IMAGE_NAME.")
@click.option("--status", type=click.Choice(STATUSES), default="completed", show_default=True,
              help="How it ended.")  # fmt: skip
@click.option("--error", "error_message", metavar="TEXT", help="Why it failed.")
@click.option("--dockerfile", metavar="PATH", help="The Dockerfile, relative to the context.")
@click.option("--build-arg", "pairs", multiple=True, metavar="NAME=VALUE",
              help="A build argument; a secret one is masked.")  # fmt: skip
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag of the image.")
@click.option("--finished", metavar="TIME", help="When it finished, ISO 8601.  [default: now]")
@click.option("--timezone", help="Zone to record in.  [default: Asia/Singapore]")
@click.pass_obj
def record(
    app: App,
    image_name: str,
    duration: str,
    size_mb: str | None,
    inspect: bool,
    status: str,
    error_message: str | None,
    dockerfile: str | None,
    pairs: tuple[str, ...],
    tags: tuple[str, ...],
    finished: str | None,
    timezone: str | None,
) -> int:
    """Record a build of IMAGE_NAME that was measured elsewhere."""
    zone = times.zone_name(timezone)
    build = Build(
        image_name=image_name,
        build_duration=seconds(duration),
        completed_at=times.parse(finished, zone) if finished else times.now(),
        status="failed" if error_message and status == "completed" else status,  # type: ignore[arg-type]
        zone=zone,
        image_size_mb=size_mb,  # type: ignore[arg-type]
        dockerfile_path=dockerfile,
        build_args=dict(_pair(text) for text in pairs),
        error_message=error_message,
        image_tags=tags,
    )
    if inspect:
        from recorder.engine import images

        build = images.onto(build, images.inspect(image_name, *tags))
    if problem := spool.record_or_keep(app.database, build):
        click.echo(f"error: {problem}", err=True)
        return 1
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadValueError(f"{text!r} is no build argument", "write it as NAME=VALUE")
    return name, value
