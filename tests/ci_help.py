"""What stands in for the hosted services of CI: a `gh` command, GitLab's notes, the expressions."""

import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_GH = """#!{python}
import json, pathlib, shutil, subprocess, sys
home = pathlib.Path({home!r})
words = sys.argv[1:]
option = lambda name: words[words.index(name) + 1] if name in words else None
comments = json.loads((home / "comments.json").read_text())

def say(value):
    jq = option("--jq")
    print(subprocess.run(["jq", "--raw-output", jq], input=json.dumps(value), text=True, check=True,
                         capture_output=True).stdout, end="")

if words[:2] == ["run", "list"]:
    say([{{"databaseId": int(run.name)}} for run in sorted((home / "runs").iterdir())])
elif words[:2] == ["run", "download"]:
    source = home / "runs" / words[2] / option("--name")
    if not source.is_dir():
        sys.exit("no artifact matches any of the names or patterns provided")
    shutil.copytree(source, option("--dir"))
elif words[0] == "api":
    path = next(word for word in words[1:] if word.startswith("repos/")).split("?")[0]
    if option("--method"):
        file = option("--field").removeprefix("body=@")
        body = pathlib.Path(file).read_text()
        if option("--method") == "POST":
            comments.append({{"id": len(comments) + 1, "body": body}})
        else:
            next(c for c in comments if str(c["id"]) == path.split("/")[-1])["body"] = body
        (home / "comments.json").write_text(json.dumps(comments))
    elif path.endswith("/comments"):
        say(comments)
    else:
        say(next(c for c in comments if str(c["id"]) == path.split("/")[-1]))
else:
    sys.exit(f"unknown: {{words}}")
"""


class GitHub:
    """A folder with the comments of a pull request and the artifacts of runs, and its `gh`."""

    def __init__(self, home: Path) -> None:
        (home / "runs").mkdir(parents=True)
        (home / "bin").mkdir()
        self.home, self.bin = home, home / "bin"
        self.comments = []
        (self.bin / "gh").write_text(_GH.format(python=sys.executable, home=str(home)))
        (self.bin / "gh").chmod(0o755)

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.home / "comments.json").read_text())
        return found

    @comments.setter
    def comments(self, value: list[dict[str, Any]]) -> None:
        (self.home / "comments.json").write_text(json.dumps(value))


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """The text with `${{ ... }}` replaced; an expression that has no value is a KeyError."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: values[found[1]], text)


@contextmanager
def notes() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """GitLab's notes of a merge request: the API's address, and the notes."""
    found: list[dict[str, Any]] = [{"id": 7, "body": "Looks good."}]

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(found)

        def do_POST(self) -> None:
            found.append({"id": 8, "body": self._body()})
            self._answer(found[-1])

        def do_PUT(self) -> None:
            note = next(n for n in found if str(n["id"]) == urlsplit(self.path).path.split("/")[-1])
            note["body"] = self._body()
            self._answer(note)

        def _body(self) -> str:
            data = self.rfile.read(int(self.headers["Content-Length"])).decode()
            return parse_qs(data)["body"][0]

        def _answer(self, value: Any) -> None:
            assert self.headers["PRIVATE-TOKEN"] == "a token"
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", found
    finally:
        server.shutdown()
        server.server_close()
