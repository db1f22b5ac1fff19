"""A real reverse proxy on a free port, which shows a server under a path of its own."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def proxying(url: str, prefix: str, *, strips: bool) -> Iterator[str]:
    """Show the server at `url` under `prefix`; gives the URL of that.

    With `strips` the server is not told of the prefix, as with `proxy_pass http://host/;` in nginx.
    What lies outside the prefix is not found.
    """
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404, "outside the proxy")
                return
            upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            path = self.path.removeprefix(prefix) if strips else self.path
            kept = {name: value for name, value in self.headers.items() if name != "Connection"}
            upstream.request("GET", path, headers={**kept, "Connection": "close"})
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()
