"""Style, scripts and icons come from memory, with all that a browser needs to keep them."""

from __future__ import annotations

from pathlib import Path

import bottle

from server.web.static_files import StaticFiles
from tests.support.site import site

TYPES = {
    "/static/style.css": "text/css; charset=UTF-8",
    "/static/app.js": "text/javascript; charset=UTF-8",
    "/static/copy.svg": "image/svg+xml",
    "/favicon.ico": "image/svg+xml",
}


def test_an_answer_is_bytes_and_no_open_file(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("p {}")
    files = StaticFiles(tmp_path)
    (tmp_path / "style.css").unlink()
    bottle.request.bind({})
    assert files.answer("style.css").body == b"p {}"


def test_a_browser_is_told_what_each_file_is_and_asks_again_for_news_only(tmp_path: Path) -> None:
    with site(tmp_path) as there:
        for path, kind in TYPES.items():
            first = there.ask("GET", path)
            assert (first.status, first.header("Content-Type"), first.header("Cache-Control")) == (200, kind, "no-cache"), path
            assert first.header("X-Content-Type-Options") == "nosniff"
            assert int(first.header("Content-Length")) == len(first.body) > 100
            tag, changed = first.header("ETag"), first.header("Last-Modified")
            for given, status in (
                ({"If-None-Match": tag}, 304),
                ({"If-None-Match": f'"other", W/{tag}'}, 304),
                ({"If-None-Match": '"other"', "If-Modified-Since": changed}, 200),
                ({"If-Modified-Since": changed}, 304),
                ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
                ({"Range": "bytes=5-1"}, 200),
            ):
                assert there.ask("GET", path, headers=given).status == status, given
            head = there.ask("HEAD", path)
            assert (head.body, head.header("Content-Length")) == (b"", first.header("Content-Length"))
        assert there.ask("GET", "/static/../app.py").status == 404
