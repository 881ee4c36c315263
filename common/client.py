"""The server's HTTP API as Python calls: the one client of the window and of the command line."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from common import __version__
from common.answers import read, unreachable
from common.checked import Checked
from common.device_url import DeviceUrl
from common.errors import InvalidRequest, NotAllowed, NotFound, OtaError, ServerRefused
from common.finding import Role
from common.notification import Notification, Nul
from common.release import Release, check_publish_id
from common.release_list import ListReader, ReleaseList
from common.transfer import Transfer
from common.upload import LocalFiles

POLL = 0.2
"""Seconds between two looks at a notification."""

_T = TypeVar("_T")


class Cancelled(OtaError):
    """The caller's `cancelled` said so while files were being sent; the server drops what it had of them."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """Called for each piece of an upload."""

    farewell: str
    progress: Callable[[int, int], None] | None
    cancelled: Callable[[], bool] | None

    def __call__(self, monitor: MultipartEncoderMonitor) -> None:
        if self.cancelled and self.cancelled():
            raise Cancelled(self.farewell)
        if self.progress:
            self.progress(monitor.bytes_read, monitor.len)


@dataclass(frozen=True, slots=True)
class _Bearer(AuthBase):
    """As `auth`, because of a header alone .netrc would make another one."""

    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Client:
    """Talks to one server. Every failure is an OtaError.

    Threads: one at a time; `cancelled`, `progress` and `stop` are looked at and called in the calling thread.
    """

    def __init__(
        self,
        server_url: str,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        token: str | None = None,
        insecure: bool = False,
    ) -> None:
        """`server_url` as typed, with or without scheme, port, path or last slash; InvalidRequest if it is none.

        `timeout` is how long to wait for the next bytes of an answer, in seconds. `token` goes with each request (RFC 6750,
        2.1); NotAllowed where others on the way could read it, unless that is meant to be: `insecure`.
        """
        self.url = _base_url(server_url)
        self.shown_url = _shown(self.url)
        """Without a password: for people to read."""
        loopback = _is_loopback(urlsplit(self.url).hostname or "")
        if token and not insecure and not loopback and self.url.startswith("http:"):
            raise NotAllowed(
                f"The token was not sent to {self.shown_url}: over plain http everybody on the way can read it."
                " Use an https address, or a tunnel that ends on this computer."
            )
        self._timeout = (connect_timeout, timeout)
        self._session = requests.Session()
        headers = {"Accept": "application/json", "User-Agent": f"ota-publish/{__version__}", "Connection": "close"}
        self._session.headers.update(headers)
        if token:
            self._session.auth = _Bearer(token)
        if loopback:
            # A proxy would look for the server on its own machine.
            self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is open."""
        self._session.close()

    def publish(
        self,
        publish_id: str,
        files: Mapping[Role, Path],
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[Release, bool]:
        """Send the files; return the release, and whether it is new (else the same bytes were there already).

        `progress(sent, total)` is called with bytes, for each piece; `cancelled()` is asked as often, and
        raises Cancelled from here. The files are read as they are sent.
        """
        check_publish_id(publish_id)
        fields = {"publish_id": publish_id} | ({"force": "1"} if force else {})
        watch = _Watch(f"Publishing {publish_id} was cancelled.", progress, cancelled)
        status, release = self._upload(Release.from_json, "/publish", fields, files, watch)
        return release, status == 201

    def check(
        self,
        files: Mapping[Role, Path],
        publish_id: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Checked:
        """What the server would find if these files were published; it keeps nothing of them.

        Any file may be missing. `progress` and `cancelled` are as for `publish`.
        """
        fields = {} if publish_id is None else {"publish_id": check_publish_id(publish_id)}
        watch = _Watch("The check was cancelled.", progress, cancelled)
        return self._upload(Checked.from_json, "/check", fields, files, watch)[1]

    def notify(self, publish_id: str, devices: Iterable[DeviceUrl], nul: Nul = Nul.AUTO) -> Notification:
        """Have the server tell the devices, and return at once; `watch` or `notification` say how it goes on."""
        form = {"publish_id": publish_id, "urls": ",".join(map(str, devices)), "nul": nul.value}
        return self._call(Notification.from_json, "POST", "/notify", data=form, headers={"Prefer": "respond-async"})[1]

    def notification(self, notification_id: str, wait: float | None = None) -> Notification:
        """How far it is; with `wait`, the server may answer only when something changed, or after so many seconds."""
        path = f"/api/v1/notifications/{quote(notification_id, safe='')}"
        try:
            return self._call(Notification.from_json, "GET", path, params=None if wait is None else {"wait": f"{wait:g}"})[1]
        except NotFound:
            raise ServerRefused(
                f"The server at {self.shown_url} no longer knows this notification: was it started anew?"
                " Devices may have been told; notify them again to be sure."
            ) from None

    def watch(self, notification: Notification, stop: threading.Event | None = None) -> Iterator[Notification]:
        """The notification as it is given, and again each time it changed, until it is done or `stop` is set."""
        stop = stop or threading.Event()
        yield notification
        while not notification.done and not stop.wait(POLL):
            now = self.notification(notification.id)
            if now != notification:
                notification = now
                yield now

    def releases(self) -> tuple[Release, ...]:
        """All releases that the server knows, whatever their state."""
        return self.release_list().releases

    def release_list(self, known: ReleaseList = ReleaseList()) -> ReleaseList:  # noqa: B008
        """The same; `known` itself while nothing has changed since it was given, and of a newer list what is as it was."""
        reader = ListReader(known)

        def take(response: requests.Response) -> ReleaseList:
            if known.etag is not None and response.status_code == 304:
                return known
            releases = read(response, reader.whole, self.shown_url, reader.piece)
            return ReleaseList(releases, response.headers.get("ETag"))

        headers = {} if known.etag is None else {"If-None-Match": known.etag}
        return self._ask(take, "GET", "/api/v1/releases", headers=headers)

    def release(self, publish_id: str) -> Release:
        """One release; ReleaseNotFound if there is none."""
        return self._call(Release.from_json, "GET", _release_path(publish_id))[1]

    def transfers(self) -> tuple[Transfer, ...] | None:
        """What devices fetch now and fetched in the last hour; None where the server does not report it."""
        try:
            return self._call(lambda data: tuple(map(Transfer.from_json, data["transfers"])), "GET", "/api/v1/transfers")[1]
        except NotFound:
            return None

    def remove(self, publish_id: str) -> None:
        """Take a release off the server; ReleaseNotFound if there is none."""
        self._call(lambda data: data["removed"], "DELETE", _release_path(publish_id))

    def withdraw(self, publish_id: str) -> Release:
        """Take a release from the devices, whose files stay on the server; ReleaseNotFound if there is none."""
        return self._call(Release.from_json, "POST", "/withdraw", json={"publish_id": publish_id})[1]

    def restore(self, publish_id: str) -> Release:
        """Undo `withdraw`; ReleaseNotFound if there is no such release."""
        return self._call(Release.from_json, "POST", "/restore", json={"publish_id": publish_id})[1]

    def _upload(
        self, shape: Callable[[Any], _T], path: str, fields: Mapping[str, str], files: Mapping[Role, Path], watch: _Watch
    ) -> tuple[int, _T]:
        with LocalFiles(files) as opened:
            parts: list[tuple[str, Any]] = list(fields.items())
            # The file's own name may be anything; the part only has to have one.
            parts += [(f.role.value, (f.role.value, f, "application/octet-stream")) for f in opened]
            body = MultipartEncoderMonitor(MultipartEncoder(parts), watch)
            return self._call(shape, "POST", path, data=body, headers={"Content-Type": body.content_type})

    def call(self, shape: Callable[[Any], _T], method: str, path: str, **arguments: Any) -> _T:
        """What `shape` makes of the answer's JSON; for modules such as rollout_client. Arguments as `requests` has them."""
        return self._call(shape, method, path, **arguments)[1]

    def get_if_changed(self, shape: Callable[[Any], _T], path: str, etag: str | None) -> tuple[_T, str | None] | None:
        """What `shape` makes of the JSON at `path`, and its ETag; None while that is this one (RFC 9110, 13.1.2)."""

        def take(response: requests.Response) -> tuple[_T, str | None] | None:
            if etag is not None and response.status_code == 304:
                return None
            return read(response, shape, self.shown_url), response.headers.get("ETag")

        return self._ask(take, "GET", path, headers={} if etag is None else {"If-None-Match": etag})

    def _call(self, shape: Callable[[Any], _T], method: str, path: str, **arguments: Any) -> tuple[int, _T]:
        return self._ask(lambda answer: (answer.status_code, read(answer, shape, self.shown_url)), method, path, **arguments)

    def _ask(self, take: Callable[[requests.Response], _T], method: str, path: str, **arguments: Any) -> _T:
        try:
            # A redirect would turn a POST into a GET.
            with self._session.request(
                method, self.url + path, timeout=self._timeout, allow_redirects=False, stream=True, **arguments
            ) as response:
                return take(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise unreachable(error, self.shown_url) from error
        finally:
            # A connection that is kept may be closed by the server in the very moment in which it is used again.
            self._session.close()


def _release_path(publish_id: str) -> str:
    segments = publish_id.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        # On the way these would make another path, and name another release.
        check_publish_id(publish_id)
    return "/api/v1/releases/" + "/".join(quote(segment, safe="") for segment in segments)


def _base_url(text: str) -> str:
    form = "Write it as http://localhost:8080 or https://gateway.example/ota."
    typed = text.strip()
    url = typed if "://" in typed else f"http://{typed}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidRequest(f"{text!r} is no address of a server: its host or port is malformed. {form}") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidRequest(f"{text!r} is no address of a server: only http and https are known, not {parts.scheme}. {form}")
    if not host or not typed.isprintable() or " " in typed or "\\" in typed or port == 0:
        raise InvalidRequest(f"{text!r} is no address of a server: its host or port is malformed. {form}")
    if ":" in parts.netloc.rpartition("@")[2].rpartition(":")[0] and "[" not in parts.netloc:
        raise InvalidRequest(f"{text!r} is no address of a server: an IPv6 address stands in brackets, as http://[fd00::1]:8080.")
    if parts.query or parts.fragment:
        raise InvalidRequest(f"{text!r} is no address of a server: it has a query or a fragment. {form}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _shown(url: str) -> str:
    """The URL without the password that may stand in it."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"  # names below it are asked of the network by some resolvers, glibc's among them
