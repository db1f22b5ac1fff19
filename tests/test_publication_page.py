"""docs/publication.md shows pictures that are there, and embeds addresses that draw."""

import re
from pathlib import Path

from publication_help import build, record, step

from recorder.publish import serve

FOLDER = Path(__file__).parents[1] / "docs"
PAGE = (FOLDER / "publication.md").read_text()
ADDRESS = re.compile(r"https://builds\.example\.com(/docker_build_history/[^)\s]+)")


def test_every_picture_is_shown_and_every_shown_picture_is_there() -> None:
    shown = set(re.findall(r"\((screenshots/[\w-]+\.png)\)", PAGE))
    assert shown == {f"screenshots/{file.name}" for file in (FOLDER / "screenshots").glob("*.png")}


def test_the_pictures_are_small_enough_for_a_repository() -> None:
    sizes = [file.stat().st_size for file in (FOLDER / "screenshots").glob("*.png")]
    assert sizes
    assert sum(sizes) < 1_500_000


async def test_every_address_that_is_embedded_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    record(path, build("my-app", ref="ref1", steps=(step(0, "[1/1] RUN make"),)))
    published = serve.publication(path)
    addresses = ADDRESS.findall(PAGE.replace("build=1234", "build=1"))
    assert len(addresses) > 4
    for address in addresses:
        answer = await published.client.get(address)
        assert answer.status_code == 200, address
        if ".svg" in address:
            assert answer.headers["content-type"].startswith("image/svg+xml")
            assert "No build" not in answer.text, address
