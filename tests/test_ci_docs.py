"""The workflows of docs/ci.md and the action: valid, and run for real but for hosted services."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_help import GitHub, filled_in, notes
from engine_help import make_context
from publication_help import build, record
from recording_help import COMMAND, PATIENCE, keep_apart, rows, shell, unlike_any_other
from second_engine import SecondEngine, second_engine

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "docker/action/action.yml"
GITHUB, GITLAB = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
STEPS = {step["name"]: step for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]}
KEY = "a key of masks for all runs, and long"
HISTORY = "docker_build_history.db"


@pytest.mark.parametrize(
    ("schema", "text"),
    [("github-actions", ACTION.read_text()), ("github-workflows", GITHUB), ("gitlab-ci", GITLAB)],
)
def test_the_yaml_is_what_the_services_take(tmp_path: Path, schema: str, text: str) -> None:
    file = tmp_path / "ci.yml"
    file.write_text(text)
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    more = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
    found = subprocess.run([*words, *more, file], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_no_script_takes_in_what_others_wrote() -> None:
    """An expression is pasted into a script, so that a branch's name could be a command."""
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
    for job in yaml.safe_load(GITHUB)["jobs"].values():
        assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    (step,) = [s for s in yaml.safe_load(GITHUB)["jobs"]["image"]["steps"] if "/action@" in
               s.get("uses", "")]  # fmt: skip
    assert step["uses"].startswith("buildrec/buildrec/docker/action@")
    assert set(step["with"]) <= set(inputs)
    asked = set(re.findall(r"inputs\.([\w-]+)", ACTION.read_text()))
    assert asked == set(inputs)


@pytest.fixture(scope="module")
def engine() -> Iterator[SecondEngine]:
    """An engine that is empty at first, as a runner's is."""
    if not shutil.which("jq"):
        pytest.skip("the scripts use jq, which hosted runners have")
    with second_engine() as own:
        yield own


@pytest.fixture
def project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: SecondEngine
) -> Path:  # fmt: skip
    """A checkout of the main branch, whose Dockerfile builds what no build before did."""
    keep_apart(monkeypatch, tmp_path)
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    folder = make_context(tmp_path / "project", shell(f"echo {unlike_any_other()}"))
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "one"),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def bash(script: str, folder: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a script as runners do."""
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    path = f"{environ.pop('PATH', '')}:{Path(COMMAND).parent}:{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


class Run:
    """One run of the workflow on a runner that is new, but for what the cache gives it."""

    def __init__(self, number: int, github: GitHub, project: Path, pull_request: str = "") -> None:
        self.temp = project.parent / f"runner-{number}"
        self.temp.mkdir()
        self.database = self.temp / "buildrec" / HISTORY
        self.summary = self.temp / "summary.md"
        self._artifact = github.home / "runs" / str(number) / "buildrec"
        self._project = project
        self._environ = {
            "PATH": str(github.bin), "RUNNER_TEMP": str(self.temp),
            "GITHUB_REPOSITORY": "me/shop", "GITHUB_RUN_ID": str(number),
            "GITHUB_WORKFLOW": "build", "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.temp / "output"), "GITHUB_PATH": str(self.temp / "path"),
        }  # fmt: skip
        inputs = yaml.safe_load(ACTION.read_text())["inputs"]
        self.values = {f"inputs.{name}": about["default"] for name, about in inputs.items()}
        self.values |= {
            "inputs.images": "my-app", "inputs.mask-key": KEY, "inputs.token": "a token",
            "runner.temp": str(self.temp), "github.repository": "me/shop",
            "github.event.repository.default_branch": "main",
            "github.event.pull_request.number": pull_request,
        }  # fmt: skip

    def restore(self, other: "Run") -> None:
        """What the step "Restore the history" does."""
        shutil.copytree(other.database.parent, self.database.parent)

    def build(self) -> None:
        """The step of the workflow that builds."""
        steps = yaml.safe_load(GITHUB)["jobs"]["image"]["steps"]
        (script,) = [step["run"] for step in steps if step.get("name") == "Build"]
        found = bash(script, self._project, {**self._environ})
        assert found.returncode == 0, found.stderr

    def step(self, name: str) -> "subprocess.CompletedProcess[str]":
        """One step of the action."""
        step = STEPS[name]
        own = {key: filled_in(value, self.values) for key, value in step.get("env", {}).items()}
        return bash(step["run"], self._project, {**self._environ, **own})

    def record(self) -> "subprocess.CompletedProcess[str]":
        """All steps in their order; gives how the check ended."""
        judged = None
        for name, step in STEPS.items():
            if "run" in step and (judged is None or judged.returncode == 0 or "if" in step):
                found = self.step(name)
                if name == "Judge":
                    judged = found
                else:
                    assert found.returncode == 0, (name, found.stderr)
        self._artifact.parent.mkdir(exist_ok=True)
        shutil.copytree(self.temp / "buildrec-packed", self._artifact)
        assert judged is not None
        return judged


@pytest.mark.slow
@pytest.mark.engine
def test_github_runs_keep_one_history_and_one_comment(project: Path) -> None:
    github = GitHub(project.parent / "github")
    first = Run(1, github, project)
    first.build()
    assert first.record().returncode == 0
    assert not (first.temp / "path").exists(), "buildrec is there, and is not installed again"
    (row,) = rows(first.database)
    assert (row["image_name"], row["git_branch"]) == ("my-app", "main")
    assert "### `my-app`" in first.summary.read_text()
    assert github.comments == []

    # Two runs begin with the same cache; the third has the cache of the second alone.
    beside, second = Run(2, github, project), Run(3, github, project)
    for run in (beside, second):
        run.restore(first)
    record(beside.database, build("of-the-other-run", ref="beside"))
    assert beside.record().returncode == 0
    assert second.record().returncode == 0
    third = Run(4, github, project, pull_request="5")
    third.restore(second)
    github.comments = [{"id": 1, "body": "Looks good."}]
    third.build()
    assert third.record().returncode == 0
    found = rows(third.database)
    assert [row["image_name"] for row in found].count("of-the-other-run") == 1
    assert len({row["ref"] for row in found}) == len(found) == 3

    theirs, ours = github.comments
    assert theirs["body"] == "Looks good."
    assert "`my-app`" in ours["body"]
    assert (third.temp / "output").read_text() == f"file={third.temp}/buildrec-report.md\n"
    github.comments = [theirs, {**ours, "body": ours["body"] + "\n> why so slow?\n"}]
    fourth = Run(5, github, project, pull_request="5")
    fourth.restore(third)
    fourth.build()
    assert fourth.record().returncode == 0
    theirs, ours = github.comments
    assert theirs["body"] == "Looks good."
    assert ours["body"].endswith("> why so slow?\n")
    assert ours["body"].count("### ") == 1


@pytest.mark.engine
def test_a_regression_fails_the_github_job_and_its_history_is_kept(project: Path) -> None:
    github = GitHub(project.parent / "github")
    run = Run(1, github, project)
    run.database.parent.mkdir()
    seconds = [30.0 + n % 3 / 10 for n in range(12)] + [90.0] * 3
    record(run.database, *(build("my-app", hours=n, seconds=s, ref=f"r{n}", cache_ratio=0.0)
                           for n, s in enumerate(seconds)))  # fmt: skip
    run.build()
    judged = run.record()
    assert judged.returncode == 3, judged.stderr
    assert "my-app: " in judged.stdout
    assert len(rows(github.home / "runs/1/buildrec" / HISTORY)) >= 16
    run.values["inputs.check"] = "--fail-on nothing-known"
    assert run.step("Judge").returncode == 2


@pytest.mark.slow
@pytest.mark.engine
def test_gitlab_jobs_hand_their_builds_to_one_history(project: Path) -> None:
    jobs = yaml.safe_load(GITLAB)
    elsewhere = str(project.parent / "tmp")
    history = project / ".buildrec" / HISTORY
    common = {"CI_COMMIT_REF_NAME": "feature", "CI_COMMIT_SHA": "HEAD", "CI_PROJECT_ID": "3",
              "CI_PROJECT_DIR": str(project), "BUILDREC_MASK_KEY": KEY}  # fmt: skip

    def job(name: str, **more: str) -> "subprocess.CompletedProcess[str]":
        about: dict[str, Any] = jobs[name]
        script = "\n".join(about["script"]).replace("/tmp/buildrec", elsewhere)
        db = about["variables"]["BUILDREC_DB"].replace("/tmp/buildrec", elsewhere)
        own = {"BUILDREC_DB": db.replace("$CI_PROJECT_DIR", str(project))}
        return bash(script, project, {**common, **own, **more})

    built = job("build-image")
    assert built.returncode == 0, built.stderr
    assert rows(project / "builds.db")[-1]["git_branch"] == "feature"
    with notes() as (api, found):
        more = {"CI_API_V4_URL": api, "CI_MERGE_REQUEST_IID": "4", "BUILDREC_TOKEN": "a token",
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}  # fmt: skip
        for _ in range(2):
            said = job("history", **more)
            assert said.returncode == 0, said.stderr
    assert [note["id"] for note in found] == [7, 8]
    assert found[1]["body"] == (project / "report.md").read_text()
    assert "`my-app`" in found[1]["body"]
    before = len(rows(history))
    assert before == len(rows(project / "builds.db"))
    (project / "Dockerfile").write_text(shell("exit 7"))
    assert job("build-image").returncode != 0
    said = job("history")
    assert said.returncode == 0, said.stderr
    assert "### `my-app`: failed" in (project / "report.md").read_text()
    assert len(rows(history)) == before + 1
