"""nginx as a process, with the site that packaging/nginx/ota-server.conf describes: only ports and certificate are others."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.server import ROOT
from tests.waiting import wait_until

NAME = "ota.example.org"
_NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MAIN = """daemon off; master_process off; pid nginx.pid; error_log error.log warn;
events {{ worker_connections 128; }}
http {{ access_log access.log; {temporary} include site.conf; }}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    http_port: int
    port: int
    certificate: Path
    place: Path

    @property
    def url(self) -> str:
        """Where the server is, for people."""
        return f"https://{NAME}:{self.port}/ota/"

    @property
    def errors(self) -> str:
        """What it complained of."""
        return (self.place / "error.log").read_text()


@contextmanager
def proxying(place: Path, server_url: str) -> Iterator[Proxy]:
    """nginx before the server at `server_url`; skips the test where there is no nginx."""
    if _NGINX is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")
    with _held_port() as plain, _held_port() as secure:
        with _running(_NGINX, place, server_url, plain, secure) as proxy:
            yield proxy


@contextmanager
def _running(program: str, place: Path, server_url: str, plain: int, secure: int) -> Iterator[Proxy]:
    place.mkdir()
    key, certificate = place / "key.pem", place / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
         key, "-out", certificate, "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    site = (ROOT / "packaging" / "nginx" / "ota-server.conf").read_text()
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ", f"listen 127.0.0.1:{secure} "),
        ("listen [::]:443 ssl http2 default_server;", ""),
        ("listen [::]:443 ssl http2;", ""),
        ("/etc/ssl/ota-server/cert.pem", str(certificate)),
        ("/etc/ssl/ota-server/key.pem", str(key)),
        ("http://127.0.0.1:8080/", f"{server_url}/"),
    ):
        assert old in site, f"the site has no {old!r} any more"
        site = site.replace(old, new)
    (place / "site.conf").write_text(site)
    temporary = " ".join(f"{name}_temp_path {name};" for name in _TEMPORARY)
    (place / "nginx.conf").write_text(_MAIN.format(temporary=temporary))
    process = subprocess.Popen([program, "-p", place, "-c", "nginx.conf", "-e", "error.log"], stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: process.poll() is not None or _listens(secure), what="nginx to listen")
        assert process.poll() is None, process.stderr and process.stderr.read()
        yield Proxy(plain, secure, certificate, place)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextmanager
def _held_port() -> Iterator[int]:
    """A port that only one who says SO_REUSEADDR, and names it, can listen on: nobody gets it who wants any."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
