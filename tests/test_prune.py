"""Pruning takes builds and nothing else: trends stay, statistics stay true, recorders go on."""

import multiprocessing
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import properties  # noqa: F401
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upkeep_help import KEY, START, cli, fill, findings, query, refs, some_builds

from recorder import database, days, store, summary_tables, times
from recorder.errors import BadValueError
from recorder.model import Build
from recorder.upkeep.prune import Rules, plan, prune

SUMS = [
    c.name
    for c in summary_tables.PRUNED_DAYS.columns
    if c.name not in {"image_name", "day", "min_us", "max_us", "last_size_mb"}
]
TREND = (
    f"SELECT image_name, day, {', '.join(f'sum({name})' for name in SUMS)}, min(min_us), "
    "max(max_us) FROM (SELECT * FROM build_days UNION ALL SELECT * FROM pruned_days) "
    "GROUP BY image_name, day ORDER BY image_name, day"
)


@pytest.fixture
def filled(database_path: Path) -> Path:
    fill(database_path, some_builds(60))
    return database_path


def test_the_trends_are_the_same_after_it_and_what_stays_is_true(filled: Path) -> None:
    before = query(filled, TREND)
    done = prune(filled, Rules(keep=5))
    assert done.builds == 45
    assert len(refs(filled)) == 15
    assert query(filled, TREND) == before
    assert findings(filled) == {}
    prune(filled, Rules(keep=1))
    assert refs(filled) == {"r57", "r58", "r59"}
    assert query(filled, TREND) == before
    assert findings(filled) == {}


def test_a_days_row_is_what_a_query_over_the_builds_gave(filled: Path) -> None:
    rows = query(filled, days.DEFINITION.format(where="WHERE id <= 57"))
    prune(filled, Rules(keep=1))
    assert sorted(query(filled, "SELECT * FROM pruned_days")) == sorted(rows)


def test_a_day_that_goes_in_parts_keeps_its_last_size(database_path: Path) -> None:
    moments = [START + timedelta(minutes=n) for n in range(6)]
    sizes = (10, 20, None, 40, None, 60)
    fill(
        database_path,
        [
            Build(image_name="a", build_duration=1, completed_at=m, image_size_mb=s)
            for m, s in zip(moments, sizes, strict=True)
        ],
    )
    for keep, last in ((5, 10), (3, 20), (2, 40), (1, 40)):
        prune(database_path, Rules(keep=keep))
        assert query(database_path, "SELECT last_size_mb FROM pruned_days") == [(last,)]


def test_age_is_counted_from_now_and_the_latest_of_an_image_stays(database_path: Path) -> None:
    now = times.now()
    ages = {"old": (400, 300, 200), "young": (100, 2, 1)}
    fill(
        database_path,
        [
            Build(
                image_name=image,
                build_duration=1,
                completed_at=now - timedelta(days=age),
                ref=f"{image} {age}",
            )
            for image, all_ages in ages.items()
            for age in all_ages
        ],
    )
    done = prune(database_path, Rules(older_than=timedelta(days=90)))
    assert refs(database_path) == {"old 200", "young 2", "young 1"}
    assert {share.image_name: share.builds for share in done.shares} == {"old": 2, "young": 1}
    # A clock that is years ahead does not empty the file.
    prune(database_path, Rules(older_than=timedelta(0)))
    assert refs(database_path) == {"old 200", "young 1"}


def test_rules_add_up_and_none_is_wrong_usage(filled: Path) -> None:
    with pytest.raises(BadValueError):
        Rules()
    with pytest.raises(BadValueError):
        Rules(keep=0)
    prune(filled, Rules(keep=10, older_than=timedelta(days=100_000)))
    assert len(refs(filled)) == 30


def test_a_plan_changes_nothing_and_says_what_is_done(filled: Path) -> None:
    before = query(filled, "SELECT * FROM docker_builds")
    planned = plan(filled, Rules(keep=7))
    assert query(filled, "SELECT * FROM docker_builds") == before
    assert planned.shares == prune(filled, Rules(keep=7)).shares
    assert plan(filled, Rules(keep=7)).builds == prune(filled, Rules(keep=7)).builds == 0


def test_the_file_shrinks_to_the_size_and_its_room_goes_back_to_the_disk(
    database_path: Path,
) -> None:
    fill(database_path, some_builds(1500, steps=20))
    size = database_path.stat().st_size
    wanted = size // 2
    planned = plan(database_path, Rules(max_bytes=wanted))
    done = prune(database_path, Rules(max_bytes=wanted))
    assert done.before == size
    assert wanted * 0.8 < done.after == database_path.stat().st_size <= wanted
    assert query(database_path, "PRAGMA freelist_count") == [(0,)]
    assert abs(planned.builds - done.builds) < 150
    assert planned.after <= wanted
    oldest = f"r{done.builds - 1}", f"r{done.builds}"
    assert oldest[0] not in refs(database_path)
    assert oldest[1] in refs(database_path)
    assert findings(database_path) == {}
    least = prune(database_path, Rules(max_bytes=1))
    assert least.after > 1
    assert len(refs(database_path)) == 3


def test_a_file_that_could_not_give_room_back_learns_it(filled: Path) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
        plain.execute("PRAGMA auto_vacuum = NONE")
        plain.execute("VACUUM")
        plain.execute("PRAGMA journal_mode = WAL")
    size = filled.stat().st_size
    prune(filled, Rules(keep=2))
    assert filled.stat().st_size < size
    assert query(filled, "PRAGMA auto_vacuum") == [(2,)]
    assert query(filled, "PRAGMA freelist_count") == [(0,)]
    assert findings(filled) == {}


def test_names_and_images_that_a_build_still_needs_stay(filled: Path) -> None:
    prune(filled, Rules(keep=2))
    names = {row[0] for row in query(filled, "SELECT DISTINCT name FROM steps")}
    assert names == {row[0] for row in query(filled, "SELECT name FROM step_names")}
    kept = {row[0] for row in query(filled, "SELECT DISTINCT image_digest FROM docker_builds")}
    assert kept == {row[0] for row in query(filled, "SELECT image_digest FROM images")}
    assert query(filled, "SELECT count(*) FROM image_layers") == [(len(kept),)]


def record_until(path: Path, stop: Path, counted) -> None:
    number = 10_000
    while not stop.exists():
        with database.connect(path, timeout=5.0) as connection:
            store.record_all(connection, some_builds(1, first=number), KEY)
        number += 1
        counted.value = number


def test_recorders_go_on_and_lose_nothing(database_path: Path, tmp_path: Path) -> None:
    fill(database_path, some_builds(2000))
    context = multiprocessing.get_context("spawn")
    counted, stop = context.Value("i", 0), tmp_path / "stop"
    writer = context.Process(target=record_until, args=(database_path, stop, counted))
    writer.start()
    try:
        while not counted.value:
            pass
        begun = counted.value
        done = prune(database_path, Rules(older_than=timedelta(0), keep=1))
        assert counted.value > begun
    finally:
        stop.touch()
        writer.join()
    assert writer.exitcode == 0
    late = {f"r{n}" for n in range(10_000, counted.value)}
    gone = query(database_path, "SELECT sum(builds) FROM pruned_days")[0][0]
    assert gone == done.builds
    assert len(refs(database_path)) + gone == 2000 + len(late)
    assert late >= {ref for ref in refs(database_path) if len(ref) == 6}
    assert findings(database_path) == {}


@st.composite
def histories(draw: st.DrawFn) -> list[Build]:
    count = draw(st.integers(0, 25))
    return [
        Build(
            image_name=draw(st.sampled_from(("a", "b"))),
            build_duration=draw(st.sampled_from((0, 0.5, 3, 99))),
            completed_at=START + timedelta(hours=draw(st.integers(0, 70))),
            status=draw(st.sampled_from(("completed", "failed", "canceled"))),
            cache_ratio=draw(st.sampled_from((None, 0.0, 0.25, 1.0))),
            image_size_mb=draw(st.sampled_from((None, 1, 2.5))),
        )
        for _ in range(count)
    ]


@given(histories(), st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_whatever_goes_in_whatever_order_the_sums_stay(
    tmp_path_factory: pytest.TempPathFactory, builds: list[Build], keeps: list[int]
) -> None:
    path = tmp_path_factory.mktemp("p") / "history.db"
    fill(path, builds)
    before = query(path, TREND)
    for keep in keeps:
        prune(path, Rules(keep=keep))
        assert query(path, TREND) == before
    assert findings(path) == {}


def test_the_command_says_what_goes(filled: Path) -> None:
    tried = cli(filled, "prune", "--keep", "5", "--dry-run", "--format", "csv")
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.splitlines()[0] == "image_name,builds,first,last"
    assert "45 builds would go" in tried.stderr
    done = cli(filled, "prune", "--keep", "5", "--format", "csv")
    assert done.stdout == tried.stdout
    assert "45 builds are gone" in done.stderr
    nothing = cli(filled, "prune", "--keep", "5", "--format", "table")
    assert (nothing.stdout, nothing.stderr) == ("", "no build is to go\n")


@pytest.mark.parametrize(
    "words",
    [(), ("--keep", "0"), ("--older-than", "soon"), ("--max-size", "big"), ("--keep", "x")],
)
def test_wrong_usage_is_told(filled: Path, words: tuple[str, ...]) -> None:
    done = cli(filled, "prune", *words)
    assert done.returncode == 2
    assert len(refs(filled)) == 60


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("2d", 48), ("1W", 168), ("1y", 8760)])
def test_an_age_is_what_it_says(database_path: Path, text: str, hours: int) -> None:
    now = times.now()
    fill(
        database_path,
        [
            Build(image_name="a", build_duration=1, completed_at=now - timedelta(hours=age))
            for age in (hours + 1, hours - 1, 0)
        ],
    )
    assert cli(database_path, "prune", "--older-than", text).returncode == 0
    assert query(database_path, "SELECT count(*) FROM docker_builds") == [(2,)]
