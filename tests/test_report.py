"""The report for a reviewer: what it says, how it finds itself again, and what cannot break out."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from publication_help import build, record, step
from recording_help import buildrec, rows

from recorder import database
from recorder.alerts import full_pass
from recorder.explain import comment, report, safe_markdown, spark
from recorder.model import Build

HOSTILE = (
    "a|b @all #12 !3 <img src=x onerror=alert(1)> [l](javascript:x) ![i](http://e/i) **b** `c` ``d "
    "\n\n# head\n- item\n```\n<!-- buildrec: end -->\u202egnp.exe www.evil.example http://e.example"
)


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)


def usual(n: int, image: str = "shop/api", **more: Any) -> Build:
    """A build of the main branch: 30 s, of which 28 s are `make`; `npm ci` is cached."""
    known: dict[str, Any] = {
        "seconds": 30, "hours": n, "ref": f"{image}-{n}".replace("/", "."), "git_branch": "main",
        "cache_ratio": 0.5, "git_commit": f"{n:040x}", "size_kind": "unpacked",
        "image_size_bytes": 100_000_000, "build_args": {"V": "1"},
        "steps": (
            step(0, "[1/3] COPY . .", kind="copy", started=0, duration=1),
            step(1, "[2/3] RUN npm ci", cached=True, started=1, duration=0),
            step(2, "[3/3] RUN make", started=1, duration=29),
        ),
    }  # fmt: skip
    return build(image, **known | more)


def slow(n: int, image: str = "shop/api", **more: Any) -> Build:
    """The same on a branch, with `npm ci` not cached: 100 s longer, and 12 MB larger."""
    known: dict[str, Any] = {
        "seconds": 130, "git_branch": "feature", "build_args": {"V": "2|3"}, "cache_ratio": 0.25,
        "image_size_bytes": 112_000_000, "ci_url": "https://ci.example/runs/7?a=(b)",
        "steps": (
            step(0, "[1/3] COPY . .", kind="copy", started=0, duration=1),
            step(1, "[2/3] RUN npm ci", started=1, duration=100),
            step(2, "[3/3] RUN make", started=101, duration=29),
        ),
    }  # fmt: skip
    return usual(n, image, **known | more)


def tokens(text: str) -> list[Token]:
    """The blocks and the inline parts of a Markdown text, as GitHub reads it."""
    found = []
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        found += [block, *(block.children or [])]
    return found


def test_the_report_says_what_a_reviewer_asks(database_path: Path) -> None:
    record(database_path, *(usual(n) for n in range(8)), slow(9))
    said = buildrec("report", "--base", "main", "--url", "https://b.example/x", db=database_path)
    assert (said.returncode, said.stderr) == (0, b"")
    text = said.stdout.decode()
    assert "### `shop/api`: slower than usual, 12 MB larger\n" in text
    assert "\n\nAgainst the latest comparable build of `main`:\n\n|" in text
    assert "`[2/3] RUN npm ci` was not cached (+1 m 40 s)" in text
    assert "| Duration | 2 m 10 s | 30.0 s | +1 m 40 s (+333%) |" in text
    assert "| Image size | 112 MB | 100 MB | +12 MB (+12%) |" in text
    assert "| Instructions cached | 25% | 50% | −25 points |" in text  # noqa: RUF001
    assert "| `[2/3] RUN npm ci` | not cached | — | 1 m 40 s | +1 m 40 s |" in text
    assert "- argument `V`: `1` → `2|3`" in text
    assert "`main` (2025-07-10, `0000000000`)" in text
    links = [token.attrs["href"] for token in tokens(text) if token.type == "link_open"]
    home = "https://b.example/x/docker_build_history"
    assert links == [
        f"{home}/steps_of_build?build=shop.api-9",
        f"{home}/image?image_name=shop%2Fapi",
        "https://ci.example/runs/7?a=%28b%29",
    ]
    assert len(text) < 3000


def test_an_image_that_is_larger_is_no_quiet_one_and_an_improvement_no_alarm(
    database_path: Path,
) -> None:
    record(database_path, *(usual(n) for n in range(8)),
           usual(9, image_size_bytes=130_000_000, seconds=30.2))  # fmt: skip
    text = buildrec("report", db=database_path).stdout.decode()
    assert "\n### `shop/api`: as quick as usual, 30 MB larger\n" in text
    with database.connect(database_path) as connection:
        full_pass.judge_all(connection)
        connection.execute("UPDATE alerts SET direction = 'better'")
    text = buildrec("report", db=database_path).stdout.decode()
    assert "- improvement: shop/api: " in text


def test_the_base_is_the_latest_build_of_the_branch_with_as_much_of_the_cache(
    database_path: Path,
) -> None:
    record(
        database_path,
        *(usual(n, seconds=30 + n) for n in range(4)),
        usual(5, seconds=300, cache_ratio=0.0),
        usual(6, seconds=70, status="failed"),
        usual(7, seconds=90, platform="linux/arm64"),
        usual(8, "shop/web", seconds=50),
        slow(9),
        usual(10, seconds=20),
    )
    with database.connect_to_read(database_path) as connection:
        found = report.gather(connection, "shop.api-9", "main").base
        cold = report.gather(connection, "shop.api-5", "main").base
        none = report.gather(connection, "shop.api-9", "release")
    assert found is not None
    assert found.row_a["ref"] == "shop.api-3"
    assert cold is not None
    assert cold.row_a["ref"] == "shop.api-3"
    assert none.base is None
    answer, remark, table = report.markdown(none).split("\n\n")[1:4]
    assert answer.startswith("`shop/api` took 2 m 10 s")
    assert remark == (
        "There is no comparable build of `release` yet, so that this is against the usual one."
    )
    assert "| usual (" in table


def test_a_first_build_of_all_is_against_nothing(database_path: Path) -> None:
    record(database_path, usual(0))
    with database.connect_to_read(database_path) as connection:
        text = report.markdown(report.gather(connection, None, "release"))
    assert "There is no comparable build of `release` yet.\n" in f"{text}\n"


@pytest.mark.parametrize("name", ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"])
def test_ci_says_which_branch_the_base_is(database_path: Path, name: str) -> None:
    record(database_path, *(usual(n) for n in range(3)), slow(9))
    said = buildrec("report", db=database_path, environ={name: "main"})
    assert b"| `main` (" in said.stdout
    assert b"| usual (" in buildrec("report", db=database_path, environ={name: ""}).stdout


def test_one_build_before_is_not_called_usual_in_a_report(database_path: Path) -> None:
    record(database_path, usual(0), slow(1))
    text = buildrec("report", db=database_path).stdout.decode()
    assert "slower than the build before" in text.splitlines()[1]
    assert "| before (2025-07-10" in text
    assert "usual" not in text


def test_a_change_that_shows_as_no_percent_has_none(database_path: Path) -> None:
    sizes = (100_000_000, 100_000_006)
    record(database_path, *(usual(n, image_size_bytes=size) for n, size in enumerate(sizes)))
    text = buildrec("report", db=database_path).stdout.decode()
    assert "| Image size | 100 MB | 100 MB | +6 B |" in text
    assert "| Duration | 30.0 s | 30.0 s | ±0 ms |" in text


def test_a_first_and_a_failed_build_have_their_report(database_path: Path) -> None:
    record(database_path, usual(0))
    first = buildrec("report", "--base", "main", db=database_path).stdout.decode()
    assert "the first build to compare" in first
    parsing = "parse error: unknown instruction: COPPY (did you mean COPY?)"
    record(database_path, slow(1, "shop/web", status="failed", error_message=parsing))
    named = buildrec("report", "shop/web", db=database_path).stdout.decode()
    assert f"{parsing}; no build of it has worked yet." in named
    record(
        database_path,
        slow(
            1,
            status="failed",
            error_message="exit code: 2",
            error_excerpt="   1 | FROM scratch\n   2 | >>> RUN make ```\n",
            steps=(step(0, "[3/3] RUN make", started=1, duration=2, error="exit code: 2"),),
        ),
    )
    failed = buildrec("report", "--base", "main", db=database_path).stdout.decode()
    assert "### `shop/api`: failed" in failed
    assert ">>> RUN make ```" in next(t.content for t in tokens(failed) if t.type == "fence")
    assert "| Duration" not in failed


def test_the_alerts_that_stand_are_told(database_path: Path) -> None:
    record(database_path, *(usual(n) for n in range(12)), *(slow(n, seconds=500) for n in (20, 21)))
    with database.connect(database_path) as connection:
        full_pass.judge_all(connection)
    standing = rows(database_path, "SELECT * FROM alerts WHERE state IN ('open', 'confirmed')")
    assert standing, "two builds in a row that are much slower open a regression"
    text = buildrec("report", db=database_path).stdout.decode()
    assert "What stands for this image" in text
    assert f"- {standing[0]['state']}: shop/api: " in text


def test_a_part_for_each_image_that_is_asked_for(database_path: Path) -> None:
    record(database_path, usual(0), usual(1, "shop/web"))
    text = buildrec("report", "shop/api", "shop/web", db=database_path).stdout.decode()
    assert text.count("### ") == 2
    assert len(json.loads(buildrec("report", "shop/api", "shop/web", "--format", "json",
                                   db=database_path).stdout)) == 2  # fmt: skip


def test_two_builds_of_an_image_are_one_part_and_none_is_left_out(database_path: Path) -> None:
    """As of a bake of two targets without tags; the same build twice is there once."""
    record(database_path, usual(0), usual(1), slow(9))
    text = buildrec("report", "1", "3", "shop/api", db=database_path).stdout.decode()
    assert text.count("### ") == 2
    assert text.count("<!-- buildrec: end -->") == 1
    assert text.index("the first build to compare") < text.index("slower than usual")


def test_a_comment_that_is_no_utf8_is_brought_up_to_date_all_the_same(
    database_path: Path, tmp_path: Path
) -> None:
    record(database_path, usual(0))
    (tmp_path / "old.md").write_bytes(b"caf\xe9\n")
    done = buildrec("report", "--update", tmp_path / "old.md", db=database_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "shop/api" in done.stdout.decode()


def test_the_json_holds_what_the_report_tells(database_path: Path) -> None:
    record(database_path, *(usual(n) for n in range(4)), slow(9))
    words = ("report", "--base", "main", "--format", "json")
    told = json.loads(buildrec(*words, db=database_path).stdout)
    assert told["why"]["verdict"] == "slower"
    assert told["base"]["a"]["ref"] == "shop.api-3"
    assert told["durations"] == [30, 30, 30, 30, 130]


def test_it_is_appended_to_the_summary_of_a_github_job(database_path: Path, tmp_path: Path) -> None:
    record(database_path, usual(0))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environ = {"GITHUB_STEP_SUMMARY": str(summary)}
    said = buildrec("report", db=database_path, environ=environ)
    assert summary.read_text() == f"before\n{said.stdout.decode()}\n"
    buildrec("report", "--format", "json", db=database_path, environ=environ)
    assert summary.read_text().count("### ") == 1
    gone = buildrec("report", db=database_path, environ={"GITHUB_STEP_SUMMARY": "/nowhere/at/all"})
    assert gone.returncode == 1
    assert gone.stderr.startswith(b"error: /nowhere/at/all cannot be written")


def test_a_comment_is_brought_up_to_date_and_what_people_wrote_stays(
    database_path: Path, tmp_path: Path
) -> None:
    record(database_path, usual(0), usual(1, "shop/web"))
    file = tmp_path / "comment.md"
    first = buildrec("report", "shop/api", db=database_path).stdout.decode()
    file.write_text(f"Dear all,\n\n{first}\nthat is *fine*.\n")
    record(database_path, *(usual(n) for n in range(2, 6)), slow(9))
    second = buildrec("report", "shop/api", "--update", file, db=database_path).stdout.decode()
    assert second.startswith("Dear all,\n\n<!-- buildrec")
    assert second.endswith("\n\nthat is *fine*.\n")
    assert "slower than usual" in second
    assert second.count("### ") == 1
    both = buildrec(
        "report", "shop/web", "--update", "-", db=database_path, stdin=second.encode()
    ).stdout.decode()
    assert both.startswith(second.rstrip())
    assert both.count("### ") == 2
    again = buildrec("report", "shop/web", "--update", "-", db=database_path, stdin=both.encode())
    assert again.stdout.decode() == both
    assert buildrec("report", "--update", tmp_path / "no", db=database_path).returncode == 2


texts = st.text(st.sampled_from("ab \n<!->") | st.characters(codec="utf-8"), max_size=40)


@given(before=texts, after=texts, old=texts, new=texts)
def test_updating_changes_our_part_and_nothing_else(
    before: str, after: str, old: str, new: str
) -> None:
    for part in (before, after, old, new):
        if "<!-- buildrec" in part:
            return
    text = f"{before}{comment.section('x', old)}{after}"
    expected = f"{before}{comment.section('x', new)}{after}".rstrip("\n") + "\n"
    assert comment.updated(text, [("x", new)]) == expected
    assert comment.updated(expected, [("x", new)]) == expected


def test_a_part_whose_end_is_gone_is_left_to_its_reader() -> None:
    cut = comment.section("x", "old").replace("<!-- buildrec: end -->", "and mine")
    other = comment.section("y", "theirs")
    found = comment.updated(f"{cut}\n{other}", [("x", "new")])
    assert "old\nand mine" in found
    assert other in found
    assert found.endswith(comment.section("x", "new") + "\n")


def test_nothing_that_was_recorded_breaks_out_of_the_report(database_path: Path) -> None:
    image = HOSTILE.replace("\n", " ")[:90]
    parts = (step(0, f"[1/2] RUN {HOSTILE}", started=0, duration=5),)
    record(
        database_path,
        *(usual(n, image, git_branch=HOSTILE, steps=parts) for n in range(12)),
        *(
            slow(
                n,
                image,
                seconds=400,
                git_commit=HOSTILE,
                build_args={"V": HOSTILE, HOSTILE: "x"},
                ci_url="https://ci.example/)> @all <b>\n\n# x",
                steps=(step(0, f"[1/2] RUN {HOSTILE}", started=0, duration=380),),
            )
            for n in (20, 21)
        ),
        slow(22, image, status="failed", error_message=HOSTILE, error_excerpt=f"1 | {HOSTILE}"),
    )
    with database.connect_to_read(database_path) as connection:
        for wanted in (f"{image}-21", f"{image}-22"):
            ref = next(r["id"] for r in rows(database_path) if r["ref"] == wanted.replace("/", "."))
            for branch in (HOSTILE, None, "x`|@all"):
                text = report.markdown(report.gather(connection, str(ref), branch), "https://b.ex")
                assert_safe(text, links=3)


def assert_safe(text: str, links: int) -> None:
    """Hold that recorded text is nothing but code, and the rest nothing but what we wrote."""
    found = tokens(comment.section("x", text))
    kinds = [token.type for token in found]
    marks = [token.content.strip() for token in found if token.type == "html_block"]
    assert len(marks) == 2
    assert all(mark.startswith("<!-- buildrec: ") for mark in marks)
    assert not {"html_inline", "image", "em_open", "strong_open"} & set(kinds) - {"strong_open"}
    assert kinds.count("heading_open") == 1
    assert kinds.count("link_open") == links
    assert text.count("<!-- ") == 0
    assert "\u202e" not in text
    words = "\n".join(token.content for token in found if token.type == "text")
    for mark in ("@", "#", "<", "http", "www.", "`", "**", "!["):
        assert mark not in words, (mark, words)
    for row in text.splitlines():
        if row.startswith("| "):
            assert row.endswith(" |")
    widths: dict[int, set[int]] = {}
    table = cells = 0
    for token in found:
        table += token.type == "table_open"
        cells = 0 if token.type == "tr_open" else cells + (token.type in ("th_open", "td_open"))
        if token.type == "tr_close":
            widths.setdefault(table, set()).add(cells)
    assert all(len(width) == 1 for width in widths.values())


marked = st.text(
    st.sampled_from("`|<>@#*_[]()!&;\\~$% \n\r\t-+=.a1:/") | st.characters(codec="utf-8"),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(text=marked, more=marked)
def test_code_is_code_whatever_it_holds(text: str, more: str) -> None:
    cell = [safe_markdown.code(text), "x" + safe_markdown.code(more)]
    found = tokens(f"a {cell[0]} b {cell[1]}\n\n" + safe_markdown.table(["t", "u"], [cell]))
    assert [t.type for t in found].count("code_inline") == 4
    assert "".join(t.content for t in found if t.type == "text") == "a  b xtux"
    assert [t.type for t in found].count("td_open") == 2


@settings(deadline=None)
@given(text=marked)
def test_a_sentence_has_no_markup_beside_its_code(text: str) -> None:
    found = tokens("We say " + safe_markdown.prose(text))
    kinds = {t.type for t in found}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}
    words = "".join(t.content for t in found if t.type == "text")
    assert not set("@#<>`*_[]!&\\~$") & set(words)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("GH-12", "`GH-12`"),
        ("JIRA-7:", "`JIRA-7`:"),
        ("shop/a1-2,", "`shop/a1-2`,"),
        (":tada:", "`:tada`:"),
        ("(a:+1:b)", "(`a:+1:b`)"),
        ("x:100:", "`x:100`:"),
        ("%12", "`%12`"),
        ("(www.evil.example)", "(`www.evil.example`)"),
        ("COPY?);", "COPY?);"),
        ("(@all);", "(`@all`);"),
    ],
)
def test_what_a_forge_would_make_a_link_or_a_picture_of_is_code(word: str, shown: str) -> None:
    assert safe_markdown.prose(f"We say {word} here") == f"We say {shown} here"


@pytest.mark.parametrize(
    "sentence",
    [
        "app: 140 s is 40 % above the usual 100 s of the last 20 comparable cold builds",
        "a/my-app: 5.00 s is above it, since build 21 (commit 0000000); `RUN make` takes more",
        "failed after 12 ms: exit code: 137; it last worked in build 61 (2026-11-29 02:54).",
        "1 m 36 s (+96%, −4 points): 12:30:05 is 3/4 as quick as usual — nothing else.",  # noqa: RUF001
    ],
)
def test_our_own_sentences_stay_words(sentence: str) -> None:
    assert safe_markdown.prose(sentence) == sentence


@example(values=[0.0, 1e-320])
@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_a_spark_line_has_a_block_for_each_figure(values: list[float]) -> None:
    line = spark.line(values)
    assert len(line) == len(values)
    by_value = sorted(zip(values, line, strict=True))
    assert [block for _, block in by_value] == sorted(line)


def test_a_spark_line_does_not_dramatise_what_is_level() -> None:
    assert spark.line([100, 101, 102]) == "▁▁▁"
    assert spark.line([1, 2, 8]) == "▁▂█"
    assert spark.line([]) == ""


def test_a_link_is_an_address_of_the_web_or_nothing() -> None:
    for address in ("javascript:alert(1)", "", None, "http://[", "ftp://x", "https://a\\b"):
        assert safe_markdown.link("x", address) == ""


def test_a_report_of_nothing_is_one_sentence(database_path: Path) -> None:
    said = buildrec("report", db=database_path)
    assert (said.returncode, said.stdout) == (1, b"")
    assert said.stderr == b"error: there is no build yet: record one first.\n"
    wrong = buildrec("report", "--url", "x y", db=database_path)
    assert wrong.returncode == 2
    assert os.linesep.encode() in wrong.stderr
