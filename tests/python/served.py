"""The served log over HTTP: as it is, and as somebody in between might change it."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FETCH_S_MAX = 10.0

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Page:
    """What a server answered."""

    status: int
    headers: Message
    body: bytes


def fetch(url: str) -> Page:
    """Gets a page, also where the server refuses."""
    try:
        with urllib.request.urlopen(url, timeout=FETCH_S_MAX) as answer:
            return Page(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Page(error.code, error.headers, error.read())


@contextmanager
def changed(log: str, wanted: str, change: Change) -> Iterator[str]:
    """Serves the log below `log`, with `change` made to the one page `wanted`; gives its URL."""
    hit = threading.Event()

    class Between(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = fetch(log + self.path)
            body = page.body
            if self.path == wanted:
                body = change(body)
                assert body != page.body
                hit.set()
            self.send_response(page.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert hit.is_set(), f"nobody asked for {wanted}"
