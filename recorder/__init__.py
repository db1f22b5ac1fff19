"""A flight recorder for Docker builds: every build, step by step, in one SQLite file.

The public Python API is loaded on first use, so that `import recorder` costs nothing on the
command line's fast path.
"""

__version__ = "0.1.0"
__all__ = ["DockerBuildTracker", "RecorderError", "measured", "track_docker_build"]

TYPE_CHECKING = False  # importing typing for it would cost `buildrec build` 5 ms
if TYPE_CHECKING:
    from recorder.errors import RecorderError
    from recorder.measuring import measured
    from recorder.tracker import DockerBuildTracker, track_docker_build


def __getattr__(name: str) -> object:
    if name in ("DockerBuildTracker", "track_docker_build"):
        from recorder import tracker

        return getattr(tracker, name)
    if name == "measured":
        from recorder.measuring import measured

        return measured
    if name == "RecorderError":
        from recorder.errors import RecorderError

        return RecorderError
    raise AttributeError(f"module 'recorder' has no attribute {name!r}")
