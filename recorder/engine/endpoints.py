"""Finds the engine: `DOCKER_HOST`, `DOCKER_CONTEXT`, the CLI's current context, or the default."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from recorder.errors import EngineUnreachableError

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"


class Endpoint(NamedTuple):
    """Where an engine listens: a `unix://`, `tcp://` or `ssh://` address, with its TLS files.

    `certificates` is a folder with `ca.pem`, `cert.pem` and `key.pem`, or None for no TLS;
    `verify` whether the server's certificate must be right; `context` the docker context's name.
    """

    address: str
    certificates: Path | None = None
    verify: bool = True
    context: str = "default"


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The Docker CLI's folder: `DOCKER_CONFIG`, or `.docker` at home."""
    if given := environ.get("DOCKER_CONFIG"):
        return Path(given)
    # Not Path.home, which fails for a user without one: then the CLI's is here.
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return Path("" if home == "~" else home, ".docker")


def current(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine that the Docker CLI would talk to.

    The order is the CLI's own: `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext` of its
    config.json, the default socket. Raises EngineUnreachableError for a context that is not there.
    """
    if host := environ.get("DOCKER_HOST", "").strip():
        host = host if "://" in host else f"tcp://{host}"
        tls = bool(environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"))
        folder = Path(environ.get("DOCKER_CERT_PATH") or config_folder(environ))
        verify = bool(environ.get("DOCKER_TLS_VERIFY"))
        return Endpoint(host, folder if tls and host.startswith("tcp") else None, verify)
    name = environ.get("DOCKER_CONTEXT") or _current_context(environ)
    return of_context(name, environ)


def of_context(name: str, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine of the docker context `name`, from the CLI's context store."""
    if name == "default":
        return Endpoint(DEFAULT_ADDRESS)
    # The store's layout: docker/cli cli/context/store, folders named by the digest of the name.
    digest = hashlib.sha256(name.encode()).hexdigest()
    store = config_folder(environ) / "contexts"
    meta = _read_json(store / "meta" / digest / "meta.json")
    endpoint = meta.get("Endpoints", {}).get("docker", {})
    if not endpoint.get("Host"):
        raise EngineUnreachableError(
            f"there is no docker context {name!r}", "see `docker context ls` for those there are"
        )
    certificates = store / "tls" / digest / "docker"
    return Endpoint(
        endpoint["Host"],
        certificates if certificates.is_dir() else None,
        not endpoint.get("SkipTLSVerify", False),
        name,
    )


def current_builder(environ: Mapping[str, str] = os.environ) -> str:
    """The name of the builder that buildx would use: `BUILDX_BUILDER`, or the one last chosen.

    A choice (`docker buildx use`) holds for the endpoint where it was made, unless it was made for
    all, or for good (buildx store `Current`). Raises EngineUnreachableError as `current` does.
    """
    if name := environ.get("BUILDX_BUILDER"):
        return name
    here = current(environ)
    key = here.address if here.context == "default" else here.context
    folder = buildx_folder(environ)
    chosen = _read_json(folder / "current")
    names = [chosen.get("Name")] if chosen.get("Global") or chosen.get("Key") == key else []
    with contextlib.suppress(OSError, ValueError):
        lasting = folder / "defaults" / hashlib.sha256(key.encode()).hexdigest()[:20]
        names.append(lasting.read_text().strip())
    there = [str(name) for name in names if name and (folder / "instances" / str(name)).exists()]
    return there[0] if there else here.context


def buildx_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of buildx: `BUILDX_CONFIG`, or `buildx` in the CLI's folder."""
    return Path(environ.get("BUILDX_CONFIG") or config_folder(environ) / "buildx")


def of_builder(name: str, environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """The engine that runs the builder `name`, or None when it has a BuildKit of its own.

    A builder that buildx keeps no instance file for is an engine's own, named after its context.
    """
    if (buildx_folder(environ) / "instances" / name).exists():
        return None
    here = current(environ)
    return here if name in (here.context, "default") else of_context(name, environ)


def builders(environ: Mapping[str, str] = os.environ) -> list[str]:
    """All builders that buildx knows: the engine's own, then those it keeps instance files for."""
    own = "default" if environ.get("DOCKER_HOST") else current(environ).context
    try:
        instances = sorted(path.name for path in (buildx_folder(environ) / "instances").iterdir())
    except OSError:
        instances = []
    return list(dict.fromkeys([own, *instances]))


def _current_context(environ: Mapping[str, str]) -> str:
    return str(
        _read_json(config_folder(environ) / "config.json").get("currentContext") or "default"
    )


def _read_json(path: Path) -> dict[str, Any]:
    """The object in the file at `path`; an empty one when it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
