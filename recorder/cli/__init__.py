"""The command line. `main` is its entry.

`build` and `run` take a shorter way in, past click: their child runs after 15 ms, and what is
heavy is loaded beside it.
"""

import sys

_OWN_OPTIONS = {
    "--db": "asked_database",
    "--timezone": "zone",
    "--image-name": "image_name",
}


def main() -> None:
    """Run `buildrec` with the arguments of this process."""
    words = sys.argv[1:]
    wrapped = _wrapped(words)
    if wrapped is not None:
        _wrap(*wrapped)
        return
    from recorder.cli.app import run

    run(words)


def _wrapped(words: list[str]) -> tuple[str, dict[str, str], bool, list[str]] | None:
    """The kind, our options, verbosity and the command's own words of a `build` or a `run`.

    None for any other command, and for what needs click: help and wrong usage. Our options are
    taken wherever they stand, as `docker buildx build` has none of these names; after `--`, and
    in the command of a `run`, nothing is ours.
    """
    options: dict[str, str] = {}
    verbose, kind = False, ""
    theirs: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in _OWN_OPTIONS and not (kind == "run" and theirs):
            value = value if equals else next(rest, "")
            if not value or (kind, name) == ("run", "--image-name"):
                return None
            options[_OWN_OPTIONS[name]] = value
        elif kind == "run" and (word == "--" or theirs or not word.startswith("-")):
            theirs = [word, *rest] if word != "--" else list(rest)
        elif kind == "build" and word == "--":
            theirs += [word, *rest]
        elif kind == "build":
            theirs.append(word)
        elif not kind and word in ("-v", "--verbose"):
            verbose = True
        elif not kind and word in ("build", "run"):
            kind = word
        else:
            return None
    needs_help = not theirs or (kind == "build" and theirs in (["--help"], ["-h"]))
    return None if not kind or needs_help else (kind, options, verbose, theirs)


def _wrap(kind: str, options: dict[str, str], verbose: bool, theirs: list[str]) -> None:
    from recorder.capture import child, wrap
    from recorder.capture.command import Plan
    from recorder.errors import RecorderError

    if verbose:
        from recorder import redact
        from recorder.capture import arguments
        from recorder.cli.context import be_verbose

        asked = arguments.parse(theirs)
        be_verbose(asked.secrets() | redact.secret_values(asked.build_args()))
    plan = Plan(kind, **options)
    try:
        code = wrap.build(theirs, plan) if kind == "build" else wrap.run(theirs, plan)
    except RecorderError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        code = error.exit_code
    child.leave(code)
