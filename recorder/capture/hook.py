"""`buildrec hook`: makes the Docker CLI call us after every build typed at a terminal.

The CLI calls `docker-buildrec buildrec docker-cli-plugin-hooks {json}` after the commands that its
config names for us, and shows what we answer under "What's next" (docker/cli
cli-plugins/manager/hooks.go).
"""

import contextlib
import json
import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

from recorder import __version__
from recorder.engine import endpoints
from recorder.errors import CannotWriteError

PLUGIN = "docker-buildrec"
_COMMANDS = "build,buildx build,buildx bake,builder build,image build,compose build,compose up"
_BEFORE = "features.hooks.before"
# What the CLI asks a plugin for before each call, so that the shell answers: Python takes longer.
_METADATA = {
    "SchemaVersion": "0.1.0",
    "Vendor": "buildrec",
    "Version": __version__,
    "ShortDescription": "Records every build",
}
_SCRIPT = """\
#!/bin/sh
# Called by the Docker CLI after a build; written by `buildrec hook install`.
if [ "$1" = docker-cli-plugin-metadata ]; then
  echo {metadata}
  exit
fi
[ -n "$BUILDREC_DB" ] || BUILDREC_DB={database}
export BUILDREC_DB
# -P: nothing is imported from the folder of the build.
exec {python} -P -c 'from recorder.cli.docker_plugin import main; main()' "$@"
"""


def install(database: Path) -> Path:
    """Install the plugin and name its hooks in the CLI's config; gives the plugin's path.

    Builds go into `database`, wherever they are typed, unless BUILDREC_DB names another one then.
    Every other setting and plugin stays as it is. Raises CannotWriteError.
    """
    config, plugin = _read_config(), _plugin()
    script = _SCRIPT.format(
        metadata=shlex.quote(json.dumps(_METADATA)),
        database=shlex.quote(str(database)),
        python=shlex.quote(sys.executable),
    )
    with _explained(plugin):
        plugin.parent.mkdir(parents=True, exist_ok=True)
        fresh = plugin.with_name(f".{PLUGIN}.{os.getpid()}")
        fresh.write_text(script)
        fresh.chmod(0o755)
        fresh.replace(plugin)
    features = config.setdefault("features", {})
    own = config.setdefault("plugins", {}).setdefault("buildrec", {})
    own["hooks"] = _COMMANDS
    if features.get("hooks") != "true":
        own.setdefault(_BEFORE, features.get("hooks", ""))
        features["hooks"] = "true"  # the CLI calls no hook without it (DockerCli.HooksEnabled)
    _write_config(config)
    return plugin


def uninstall() -> bool:
    """Take the plugin and its hooks away again; gives whether there was anything to take."""
    plugin, config = _plugin(), _read_config()
    was = is_installed()
    with _explained(plugin):
        plugin.unlink(missing_ok=True)
    own = config.get("plugins", {}).pop("buildrec", None)
    if own is not None:
        if _BEFORE in own:
            _put_back(config.setdefault("features", {}), own[_BEFORE])
        for section in ("plugins", "features"):
            if not config.get(section, True):
                del config[section]
        _write_config(config)
    return was


def _put_back(features: dict[str, str], before: str) -> None:
    """What the feature `hooks` was before we came; not there at all when that is empty."""
    if before:
        features["hooks"] = before
    else:
        features.pop("hooks", None)


def is_installed() -> bool:
    """Whether the plugin is there and the CLI's config names its hooks."""
    named = bool(_read_config().get("plugins", {}).get("buildrec", {}).get("hooks"))
    return named and os.access(_plugin(), os.X_OK)


def _plugin() -> Path:
    return endpoints.config_folder() / "cli-plugins" / PLUGIN


def _config_path() -> Path:
    return endpoints.config_folder() / "config.json"


def _read_config() -> dict[str, Any]:
    """The CLI's config; raises CannotWriteError where it is damaged, as we would not keep it."""
    path = _config_path()
    try:
        found = json.loads(path.read_bytes() or b"{}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CannotWriteError(f"{path} cannot be read ({error})", "mend it first") from error
    if not isinstance(found, dict) or not _is_understood(found):
        raise CannotWriteError(f"{path} is not a config of the Docker CLI", "mend it first")
    return found


def _is_understood(config: dict[str, Any]) -> bool:
    plugins, features = config.get("plugins", {}), config.get("features", {})
    both = isinstance(plugins, dict) and isinstance(features, dict)
    return both and isinstance(plugins.get("buildrec", {}), dict)


def _write_config(config: dict[str, Any]) -> None:
    """Write the config whole or not at all, in the CLI's own layout, with the mode that it had."""
    path = _config_path().resolve()
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with _explained(path):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        try:
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(config, indent="\t", ensure_ascii=False))
            fresh.chmod(mode)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(path: Path) -> Any:
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{path} cannot be written ({error.strerror})", "see who owns it, or set DOCKER_CONFIG"
        ) from error
