"""A server that lists no release, and that only to who has its token."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class TokenServer:
    """Answers 401 without a token and with another one than `token` (RFC 6750, 3.1); `with` runs it on a free port.

    Threads: its own; the test reads and sets what is public.
    """

    def __init__(self, token: str = "right") -> None:
        self.token = token
        self.without = "This server lists its releases only to who has a token."
        self.status = 401
        """Without a token."""
        self.seen: list[str | None] = []
        """The Authorization of each request."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                ours.seen.append(given)
                if given == f"Bearer {ours.token}":
                    status, data = 200, {"releases": [], "problems": []}
                elif given is None:
                    status, data = ours.status, {"error": "not-allowed", "message": ours.without}
                else:
                    status, data = 401, {"error": "not-allowed", "message": "This token is not known here."}
                body = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
