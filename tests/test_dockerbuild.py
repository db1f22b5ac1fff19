"""Bundles of `docker buildx history export` bring in what `sync` would have stored."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_help import docker
from recording_help import buildrec, keep_apart, rows, run, shell, unlike_any_other

from recorder.errors import ImportFailedError
from recorder.imports import dockerbuild, files, layout

ZONE = "Asia/Singapore"
Contexts = Callable[..., Path]

# What a bundle does not tell: how a build came in, by which builder, and what only the engine or
# the checkout that it was built from knows.
NOT_TOLD = {
    "id", "created_at", "source", "builder", "image_size_mb", "image_size_bytes", "size_kind",
    "git_commit", "git_branch", "git_dirty", "git_remote", "ci_run", "ci_url",
}  # fmt: skip


# Bundles of a real engine


def exported(path: Path, *refs: str) -> Path:
    docker("buildx", "history", "export", "--output", str(path), *refs)
    return path


def told(db: Path) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each build's row and its steps by its ref, but for what a bundle does not tell."""
    found = {}
    for row in rows(db):
        steps = rows(db, f"SELECT * FROM steps WHERE build_id = {row['id']} ORDER BY position")
        own = {"build_id", "name_id", "image_name"}
        bare = [{name: step[name] for name in step.keys() - own} for step in steps]
        found[row["ref"]] = {name: row[name] for name in row.keys() - NOT_TOLD}, bare
    return found


@pytest.fixture
def refs(context: Contexts, image_name: str, monkeypatch: pytest.MonkeyPatch,
         tmp_path: Path) -> list[str]:  # fmt: skip
    """Builds of several kinds: cold, cached, by arguments and target, linked, failed, warned."""
    config = keep_apart(monkeypatch, tmp_path)
    plain = context(shell(f"echo {unlike_any_other()}", "echo two"), name="plain")
    staged = context(
        f"FROM scratch AS base\nARG WORD=a\n{shell('echo $WORD > /w').split(chr(10), 1)[1]}"
        "FROM base AS unused\nFROM scratch AS final\nCOPY --link --from=base /w /w\n",
        name="staged",
    )
    failing = context(shell(f"echo {unlike_any_other()}; exit 3"), name="failing")
    warned = context("from scratch\nCOPY busybox /b\nENV API_TOKEN=x\n", name="warned")
    (plain / "sub").mkdir()
    (plain / "Dockerfile").rename(plain / "sub" / "Dockerfile")
    build = ("docker", "buildx", "build", "--quiet")
    named = ("--file", str(plain / "sub" / "Dockerfile"), "--tag", f"{image_name}:1.2", plain)
    run(*build, *named)
    run(*build, *named, "--tag", f"{image_name}:dev")
    run(*build, "--build-arg", f"WORD={unlike_any_other()}", "--target", "final", staged)
    run(*build, failing)
    run(*build, warned)
    found = sorted(path.name for path in config.glob("buildx/refs/*/*/*"))
    assert len(found) == 5
    return found


@pytest.mark.slow
@pytest.mark.engine
def test_each_build_of_a_bundle_equals_what_sync_stores_of_it(
    refs: list[str], tmp_path: Path
) -> None:
    bundle = exported(tmp_path / "all.dockerbuild", *refs)
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    imported = buildrec("import", bundle, db=ours)
    assert imported.returncode == 0, imported.stderr
    assert b"5 builds in, 0 known already" in imported.stderr
    synced = buildrec("sync", db=theirs)
    assert synced.returncode == 0, synced.stderr
    expected = told(theirs)
    found = told(ours)
    assert found.keys() == set(refs)
    for ref in refs:
        assert found[ref] == expected[ref]
    assert {row["source"] for row in rows(ours)} == {"import"}
    assert {row["status"] for row in rows(ours)} == {"completed", "failed"}
    assert {row["dockerfile_path"] for row in rows(ours)} == {"Dockerfile", "sub/Dockerfile"}
    assert bytes(tmp_path) not in ours.read_bytes()


@pytest.mark.slow
@pytest.mark.engine
def test_builds_that_are_known_by_their_ref_add_nothing(refs: list[str], tmp_path: Path) -> None:
    db = tmp_path / "history.db"
    assert buildrec("sync", db=db).returncode == 0
    before = told(db)
    one = exported(tmp_path / "one.dockerbuild", refs[0])
    for bundle in (one, exported(tmp_path / "all.dockerbuild", *refs), one):
        assert b" 0 builds in" in buildrec("import", bundle, db=db).stderr
    assert told(db) == before


# Bundles made by hand, after the form of real ones

RECORD: dict[str, Any] = {
    "Ref": "by-hand",
    "FrontendAttrs": {"filename": "Dockerfile"},
    "Exporters": [{"Type": "image", "Attrs": {"name": "app:dev"}}],
    "CreatedAt": {"seconds": 1795457407, "nanos": 31346450},
    "CompletedAt": {"seconds": 1795457409, "nanos": 31346450},
    "Result": {"Results": {"0": {"digest": "sha256:" + "0" * 64, "size": 640}}},
    "numTotalSteps": 6,
    "DefaultPlatform": "linux/amd64",
}


class Bundle:
    """A bundle that is put together piece by piece."""

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, content: Any, media_type: str) -> dict[str, Any]:
        """A descriptor of `content`, which is put in."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.members[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def record(self, values: Any, trace: bytes = b"") -> dict[str, Any]:
        """A descriptor of the manifest of a record."""
        manifest = {
            "config": self.blob(values, "application/vnd.buildkit.historyrecord.v0"),
            "layers": [self.blob(trace, "application/vnd.buildkit.status.v0")],
        }
        return self.blob(manifest, "application/vnd.oci.image.manifest.v1+json")

    def index(self, *descriptors: dict[str, Any]) -> "Bundle":
        self.members["index.json"] = json.dumps({"manifests": descriptors}).encode()
        return self

    def write(self, path: Path) -> Path:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, data in self.members.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        path.write_bytes(gzip.compress(file.getvalue()))
        return path


def bundle_of(*records: Any, trace: bytes = b"") -> Bundle:
    bundle = Bundle()
    return bundle.index(*(bundle.record(values, trace) for values in records))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.dockerbuild"


def test_a_bundle_is_told_by_its_content_and_not_by_its_name(
    tmp_path: Path, database_path: Path
) -> None:
    report = files.take_in(database_path, bundle_of(RECORD).write(tmp_path / "any.zip"), ZONE)
    assert report.form.startswith("dockerbuild")
    (row,) = rows(database_path)
    assert (row["image_name"], row["build_duration"], row["total_steps"]) == ("app:dev", 2.0, 6)
    assert (row["ref"], row["image_digest"]) == ("by-hand", "sha256:" + "0" * 64)


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_keys_may_be_written_in_any_case(path: Path, spelled: Callable[[str], str]) -> None:
    values = {spelled(name): value for name, value in RECORD.items()}
    assert files.read(bundle_of(values).write(path), ZONE).builds == files.read(
        bundle_of(RECORD).write(path), ZONE
    ).builds  # fmt: skip


def test_an_index_may_be_in_an_index(path: Path) -> None:
    bundle = Bundle()
    first, second = (bundle.record(RECORD | {"Ref": ref}) for ref in ("one", "two"))
    inner = bundle.blob({"manifests": [first, second]}, "application/vnd.oci.image.index.v1+json")
    reading = dockerbuild.read(bundle.index(inner).write(path), ZONE)
    assert [build.ref for build in reading.builds] == ["one", "two"]


@pytest.mark.parametrize(
    ("local", "dockerfile"),
    [
        (("/home/alice/app", "docker/Dockerfile"), "docker/Dockerfile"),
        (("/home/alice/app", "/home/alice/else/My.file"), "My.file"),
        ((r"C:\Users\alice\app", r"C:\Users\alice\app\a\b"), "a/b"),
        ((r"C:\Users\alice\app", r"D:\alice\Dockerfile"), "Dockerfile"),
    ],
)
def test_no_folder_of_the_machine_comes_in(
    path: Path, database_path: Path, local: tuple[str, str], dockerfile: str
) -> None:
    state = {"Target": "default", "LocalPath": local[0], "DockerfilePath": local[1]}
    record = RECORD | {"Exporters": [], "localState": state}
    files.take_in(database_path, bundle_of(record).write(path), ZONE)
    (row,) = rows(database_path)
    assert (row["image_name"], row["dockerfile_path"]) == ("app", dockerfile)
    assert b"alice" not in database_path.read_bytes()


def test_a_record_that_is_not_understood_stops_no_other(path: Path) -> None:
    bad = [RECORD | {"Ref": 7}, RECORD | {"CreatedAt": "soon"}, RECORD | {"numTotalSteps": 1 << 40},
           {key: value for key, value in RECORD.items() if key != "Ref"},
           RECORD | {"CompletedAt": {"seconds": 1 << 60}}]  # fmt: skip
    question = RECORD | {"FrontendAttrs": {"requestid": "frontend.lint"}}
    running = {key: value for key, value in RECORD.items() if key != "CompletedAt"}
    reading = files.read(bundle_of(*bad, question, running, RECORD).write(path), ZONE)
    assert [number for number, _ in reading.rejected] == [1, 2, 3, 4, 5]
    assert [build.ref for build in reading.builds] == ["by-hand"]
    assert reading.remarks == ["2 records of questions or of builds that had not ended"]


def broken_bundles() -> dict[str, Bundle | bytes]:
    """Files that are no whole bundle, by what is wrong with them."""
    whole = bundle_of(RECORD)
    missing, swapped, no_index, no_json = (bundle_of(RECORD) for _ in range(4))
    config = json.loads(next(data for data in whole.members.values() if b'"config"' in data))
    name = "blobs/" + config["config"]["digest"].replace(":", "/")
    del missing.members[name]
    swapped.members[name] = json.dumps(RECORD | {"Ref": "another"}).encode()
    del no_index.members["index.json"]
    no_json.members["index.json"] = b"{" * 100_000
    circle = Bundle()
    # An index cannot name itself by its digest, but can stand in many others.
    inner = circle.blob({"manifests": []}, "index")
    for _ in range(9):
        inner = circle.blob({"manifests": [inner]}, "index")
    no_tar = gzip.compress(b"not a tar archive, whatever it is" * 100)
    return {
        "missing": missing, "wrong digest": swapped, "no index": no_index, "no JSON": no_json,
        "too deep": circle.index(inner), "cut trace": bundle_of(RECORD, trace=b"\xff\0\0\0x"),
        "bad trace": bundle_of(RECORD, trace=b"\2\0\0\0\xff\xff"), "no tar": no_tar,
        "no record": Bundle().index(), "odd index": Bundle().index("x", 7, None),  # type: ignore[arg-type]
        "empty": gzip.compress(b""), "no gzip": b"\x1f\x8bnothing of the sort",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", broken_bundles())
def test_a_broken_bundle_is_refused_in_one_sentence(
    path: Path, database_path: Path, wrong: str
) -> None:
    content = broken_bundles()[wrong]
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.write(path)
    with pytest.raises(ImportFailedError, match=r"x\.dockerbuild was not taken in") as raised:
        files.take_in(database_path, path, ZONE)
    assert raised.value.cure
    assert "\n" not in str(raised.value)
    assert rows(database_path) == []


def test_a_bundle_that_was_cut_off_anywhere_is_refused(path: Path) -> None:
    whole = bundle_of(RECORD).write(path).read_bytes()
    for length in range(2, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ImportFailedError):
            files.read(path, ZONE)


def test_a_small_file_cannot_make_us_hold_much(path: Path) -> None:
    bundle = bundle_of(RECORD)
    bundle.members["blobs/sha256/zeros"] = bytes(3_000_000)
    bundle.write(path)
    assert path.stat().st_size < 10_000
    with pytest.raises(ImportFailedError, match="more than 1 MB"):
        layout.read(path, most=1_000_000)
    assert "blobs/sha256/zeros" in layout.read(path)


def test_a_header_that_promises_more_than_there_is_is_refused(path: Path) -> None:
    member = tarfile.TarInfo("index.json")
    member.size = 1 << 40
    path.write_bytes(gzip.compress(member.tobuf() + bytes(1024)))
    with pytest.raises(ImportFailedError, match="unpacks to more than"):
        layout.read(path)


def test_links_and_devices_in_a_bundle_are_passed_over(path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo("index.json")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    path.write_bytes(gzip.compress(file.getvalue()))
    with pytest.raises(ImportFailedError, match="no archive of build records"):
        layout.read(path)
