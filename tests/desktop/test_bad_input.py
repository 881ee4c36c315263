"""What may go wrong with files, servers and devices: one clear line in the window, and then a good release is published."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtCore import QMimeData, QTimer, QUrl
from PyQt5.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from common.boards import Boards
from common.device_url import DeviceUrl
from common.finding import Role
from desktop.following import Stage
from desktop.server import Server as ChosenServer
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings
from tests.fakes.http_server import FakeOtaServer, Fault
from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.support.releases import SAMPLE_FILES
from tests.support.server import Server
from tests.support.window import WAIT, connected, drop, dropped, urls

BEAT = 5
"""Milliseconds."""
STALL = 300
"""Milliseconds without progress after which an upload has come to a halt."""
Open = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _heartbeat(open_window: Open, record_property: Callable[[str, object], None]) -> Iterator[None]:  # noqa: ARG001
    """How long the UI thread was away while its events were waited for: a figure to read with -rP, which fails nothing."""
    beats = [time.monotonic()]
    timer = QTimer()

    def beat() -> None:
        if any(widget.isVisible() for widget in QApplication.topLevelWidgets()):  # what closing takes is told by itself
            beats.append(time.monotonic())

    timer.timeout.connect(beat)
    timer.start(BEAT)
    yield
    timer.stop()
    longest = max((after - before for before, after in pairwise(beats[1:])), default=0.0) * 1000
    record_property("longest_pause_ms", round(longest))
    print(f"longest pause of the UI thread: {longest:.0f} ms of {len(beats)} beats")


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Open]:
    """Windows as the program makes them; `server` is an address that is used without having been asked."""
    opened = []

    def make(server: str | None = None) -> MainWindow:
        jobs = Jobs()
        link = ServerLink(jobs)

        def chosen() -> ChosenServer | None:
            url = server or link.url
            return ChosenServer(url) if url else None

        flow = ReleaseFlow(jobs, Boards.load(None), chosen)
        window = MainWindow(jobs, flow, link, LocalServer(), Settings())
        qtbot.addWidget(window)
        window.show()
        opened.append(window)
        return window

    yield make
    for window in opened:
        window.close()


@pytest.fixture
def window(open_window: Open) -> MainWindow:
    return open_window()


@pytest.fixture
def ota() -> Iterator[FakeOtaServer]:
    with FakeOtaServer() as server:
        yield server


def shown(window: MainWindow) -> list[str]:
    """The lines of all labels that a person sees."""
    labels = [label for label in window.findChildren(QLabel) if label.isVisible()]
    return [line for label in labels for line in label.text().split("\n") if line]


def ready(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(window._page.panel._button.isEnabled, timeout=WAIT)


def publishes(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    """The app goes on: a good release is dropped, checked, sent."""
    if window._link.url is None:
        connected(window, ota.url, qtbot)
    if set(window._flow.bundle.files) != set(Role):
        dropped(window, SAMPLE_FILES, qtbot)
    ready(window, qtbot)
    with qtbot.waitSignal(window._flow.published, timeout=WAIT):
        window._page.panel._button.click()
    qtbot.waitUntil(lambda: not window._flow.busy, timeout=WAIT)
    assert window._page.panel._id.text() in ota.releases
    assert window._page.panel.summary == f"Published {window._page.panel._id.text()}."


def test_a_folder_with_a_thousand_files(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1000):
        (folder / f"part{number}.bin").write_bytes(b"%d" % number)
    for path in SAMPLE_FILES:
        shutil.copy(path, folder)
    dropped(window, [folder], qtbot)
    assert set(window._flow.bundle.files) == set(Role)
    assert len([line for line in set(shown(window)) if "Of 1003 files only 50 were looked at" in line]) == 1
    publishes(window, ota, qtbot)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_sparse, "has 2.1 GB, and was not read"),
        (_loop, "cannot be read (Too many levels of symbolic links)"),
        (Path.touch, "is empty, and was left out"),
        (os.mkfifo, "is no regular file"),
        (lambda _path: None, "is not there"),
        (Path.mkdir, "has no files"),
    ],
    ids=["2 GiB", "unreadable", "empty", "pipe", "missing", "empty folder"],
)
def test_what_cannot_be_read(
    window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, tmp_path: Path, make: Callable[[Path], Any], said: str
) -> None:
    path = tmp_path / "slot0.bin"
    make(path)
    with qtbot.waitSignal(window._flow.said, timeout=WAIT):
        assert drop(window, urls([path]))
    qtbot.waitUntil(lambda: any(said in line and str(path) in line for line in shown(window)), timeout=WAIT)
    assert window._flow.bundle.files == {}
    publishes(window, ota, qtbot)
    assert not any(said in line for line in shown(window))


def test_a_file_that_may_not_be_read(
    window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is denied anything where tests are run by root, so the system's answer is given for it."""
    path = tmp_path / "slot0.bin"
    path.write_bytes(b"1")
    path.chmod(0)
    real = os.open

    def refuse(name: Any, *how: Any, **more: Any) -> int:
        if str(name) == str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(name))
        return real(name, *how, **more)

    monkeypatch.setattr(os, "open", refuse)
    with qtbot.waitSignal(window._flow.said, timeout=WAIT):
        drop(window, urls([path]))
    qtbot.waitUntil(lambda: any("may not be read" in line for line in shown(window)), timeout=WAIT)
    publishes(window, ota, qtbot)


@pytest.mark.parametrize("kind", ["text", "web", "ftp"])
def test_what_is_no_file(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, kind: str) -> None:
    mime = QMimeData()
    mime.setText("hello") if kind == "text" else mime.setUrls([QUrl(f"{kind.replace('web', 'https')}://example.org/a.bin")])
    drop(window, mime)
    assert len([line for line in shown(window) if "is no file" in line or "Only files of this computer" in line]) == 1
    publishes(window, ota, qtbot)


def _build(folder: Path) -> list[Path]:
    folder.mkdir()
    return [Path(shutil.copy(path, folder)) for path in SAMPLE_FILES]


def test_a_file_deleted_between_drop_and_publish(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, tmp_path: Path) -> None:
    connected(window, ota.url, qtbot)
    build = _build(tmp_path / "build")
    dropped(window, build, qtbot)
    ready(window, qtbot)
    build[1].unlink()
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
        window._page.panel._button.click()
    assert len([line for line in shown(window) if str(build[1]) in line and "Nothing was published" in line]) == 1
    assert ota.releases == {}
    assert window._flow.bundle.files[Role.SLOT0].path == build[1], "it keeps its place"
    with qtbot.waitSignal(window._flow.said, timeout=WAIT) as said:
        shutil.copy(SAMPLE_FILES[1], build[1])
    assert "is there again" in said.args[0]
    publishes(window, ota, qtbot)


def test_files_dropped_while_others_are_read(window: MainWindow, qtbot: QtBot) -> None:
    """The second drop does not push out the first one, whichever is read first."""
    for path in SAMPLE_FILES:
        drop(window, urls([path]))
    qtbot.waitUntil(lambda: set(window._flow.bundle.files) == set(Role), timeout=WAIT)


def test_cleared_while_files_are_read(window: MainWindow, qtbot: QtBot) -> None:
    dropped(window, SAMPLE_FILES[:1], qtbot)
    drop(window, urls(SAMPLE_FILES[1:]))
    window._flow.clear()
    qtbot.waitUntil(lambda: Role.SLOT0 in window._flow.bundle.files, timeout=WAIT)
    assert Role.MANIFEST not in window._flow.bundle.files


REFUSED = (401, {"error": "not-allowed", "message": "This server wants a token."})
FAULTS = [
    (Fault.HTML, "a web page, 'Printer status'"),
    (Fault.HTML_403, "this is not allowed"),
    (Fault.INTERNAL_ERROR, "The server has a fault."),
    (Fault.HALF_ANSWER, "broke off in the middle of its answer"),
    (Fault.HALF_JSON, "JSON that is broken or incomplete"),
    (Fault.OTHER_JSON, "JSON of another shape"),
    (Fault.EMPTY, "an empty page"),
    (Fault.NO_ANSWER, "lost"),
    (Fault.NOT_HTTP, ""),
    (Fault.REDIRECT, "points to 'https://gateway.example/'"),
    (Fault.RESET_IN_UPLOAD, "lost"),
    (REFUSED, "This server wants a token."),
]


def _named(value: object) -> str | None:
    return value.name if isinstance(value, Fault) else "401" if value is REFUSED else None


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=_named)
def test_a_server_that_answers_badly(
    window: MainWindow, ota: FakeOtaServer, qtbot: QtBot, fault: Fault | tuple[int, dict[str, Any]], said: str
) -> None:
    connected(window, ota.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    ready(window, qtbot)
    if isinstance(fault, Fault):
        ota.fault = fault
    else:
        ota.error = fault
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT) as failed:
        window._page.panel._button.click()
    qtbot.waitUntil(lambda: not window._flow.busy, timeout=WAIT)
    line = str(failed.args[0])
    assert said in line
    assert "\n" not in line
    assert window._page.panel.summary == line
    assert line in shown(window)
    if isinstance(fault, Fault) and fault is not Fault.RESET_IN_UPLOAD:
        barred = fault is Fault.HTML_403
        with qtbot.waitSignal(window._link.barred if barred else window._link.silent, timeout=WAIT):
            window._link.refresh()
        assert any(("does not let this computer in" if barred else "Not reachable – ") in text for text in shown(window))
    ota.fault = ota.error = None
    if window._link.url is None:
        connected(window, ota.url, qtbot)
    publishes(window, ota, qtbot)


def test_no_server_at_all(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "ftp://example.org", "http://[fe80::1", "http://"):
        with qtbot.waitSignal(window._link.silent, timeout=WAIT):
            window._server.choose(url)
        assert len([line for line in shown(window) if line.startswith("Not reachable – ")]) == 1
    window._flow.publish("v1", [], False)
    assert "does not answer" in window._page.panel.summary
    publishes(window, ota, qtbot)


def test_an_upload_is_cancelled(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    connected(window, ota.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    ready(window, qtbot)
    ota.fault = Fault.SILENCE
    window._page.panel._button.click()
    qtbot.waitUntil(lambda: "POST /publish" in ota.requests, timeout=WAIT)
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
        window._page.panel._cancel.click()
    assert "ancelled" in window._page.panel.summary
    assert not window._page.panel._cancel.isVisible()
    ota.fault = None
    publishes(window, ota, qtbot)


def test_the_same_server_asked_again_while_it_is_slow(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    """The end of the question that was given up is no answer to the one that replaced it."""
    said: list[str] = []
    window._link.silent.connect(said.append)
    ota.fault = Fault.SILENCE
    window._server.choose(ota.url)
    qtbot.waitUntil(lambda: "GET /api/v1/releases" in ota.requests, timeout=WAIT)
    ota.fault = None
    connected(window, ota.url, qtbot)
    ota.stopping.set()  # the first one ends now
    qtbot.waitUntil(lambda: window._jobs.running == 0, timeout=WAIT)
    assert said == []
    assert window._link.url == ota.url


@pytest.fixture
def stalled() -> Iterator[str]:
    """The address of one that takes connections, and reads nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_an_upload_to_a_server_that_reads_nothing(
    open_window: Open, stalled: str, qtbot: QtBot, tmp_path: Path, end: str
) -> None:
    window = open_window(stalled)
    files = [tmp_path / name for name in ("slot0.bin", "slot1.bin")]
    for path in files:
        path.write_bytes(os.urandom(1024) * 20_000)
    with qtbot.waitSignal(window._flow.bundle_changed, timeout=WAIT):
        drop(window, urls([SAMPLE_FILES[0], *files]))
    for role, path in zip((Role.SLOT0, Role.SLOT1), files, strict=True):
        window._flow.set_role(path, role)
    still = QTimer()
    still.setSingleShot(True)
    window._flow.sent.connect(lambda _sent, _total: still.start(STALL))
    with qtbot.waitSignal(still.timeout, timeout=WAIT):
        window._flow.publish("v1", [], True)
    begin = time.monotonic()
    if end == "close":
        window.close()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=WAIT)
        assert window._jobs.running == 0
    else:
        with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
            window._flow.cancel()
        assert not window._flow.busy
    print(f"{end}: {(time.monotonic() - begin) * 1000:.0f} ms")


def test_the_failed_devices_are_told_again(window: MainWindow, server: Server, qtbot: QtBot) -> None:
    connected(window, server.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    ready(window, qtbot)
    panel = window._page.panel
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refusing = RiotDevice(Behaviour(answer=("5.03", b"busy")), host="127.0.0.1")
    with RiotDevice(host="127.0.0.1") as good, refusing:
        panel.set_devices("\n".join((good.url, refusing.url, f"127.0.0.1:{port}/suit/trigger")))
        panel._button.click()
        qtbot.waitUntil(panel._outcome._retry.isVisible, timeout=WAIT)
        first = panel.summary.split("\n")
        assert first[0] == f"Published {panel._id.text()}."
        assert [row.split("  ")[1] for row in first[1:]] == ["notified", "refused", "unreachable"]
        assert "busy" in first[2]
        with RiotDevice(host="127.0.0.1", port=port) as back:
            panel._outcome._retry.click()
            stages = [Stage.NOTIFIED, Stage.REFUSED, Stage.NOTIFIED]
            qtbot.waitUntil(lambda: [row.stage for row in panel._outcome._results.rows] == stages, timeout=WAIT)
            window._flow.cancel()
            qtbot.waitUntil(lambda: not window._flow.busy, timeout=WAIT)
            again = panel.summary.split("\n")
            assert [row.split("  ")[1] for row in again[-3:]] == ["notified", "refused", "notified"]
            assert (len(good.triggered), len(back.triggered)) == (1, 1)
    qtbot.waitUntil(lambda: panel._id.text() in panel._form._taken, timeout=WAIT)
    panel._outcome._copy.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().endswith(panel.summary)
    assert f"Server: {server.url}" in clipboard.text()


@pytest.mark.usefixtures("patient")
def test_telling_devices_is_cancelled(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    """What was told stays in the summary, and no job goes on asking."""
    connected(window, ota.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    ready(window, qtbot)
    quick, slow = (str(DeviceUrl.parse(f"[fd00::{n}]/suit/trigger")) for n in (2, 3))
    ota.slow.add(slow)
    window._page.panel.set_devices(f"{quick}\n{slow}")
    window._page.panel._button.click()
    qtbot.waitUntil(lambda: "notified" in window._page.panel.summary, timeout=WAIT)
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
        window._page.panel._cancel.click()
    first, second, *rows = window._page.panel.summary.split("\n")
    assert first.startswith("Published ")
    assert second == "Cancelled: devices that have not answered yet may be told all the same."
    assert [row.split("  ")[1] for row in rows] == ["notified", "no answer"]
    qtbot.waitUntil(lambda: window._jobs.running == 0, timeout=WAIT)


def test_an_id_that_is_taken(window: MainWindow, ota: FakeOtaServer, qtbot: QtBot) -> None:
    publishes(window, ota, qtbot)
    qtbot.waitUntil(lambda: bool(window._page.panel._form._taken), timeout=WAIT)
    name = window._page.panel._id.text()
    dropped(window, [SAMPLE_FILES[0].with_name("slot0.1700000100.bin")], qtbot)
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
        window._flow.publish(name, [], True)
    assert "choose another name" in window._page.panel.summary


def test_what_the_next_window_still_knows(open_window: Open, ota: FakeOtaServer, qtbot: QtBot) -> None:
    first = open_window()
    connected(first, ota.url, qtbot)
    dropped(first, SAMPLE_FILES, qtbot)
    first._page.panel.set_devices("[fd00::2]/suit/trigger")
    form = first._devices.form
    form.url.setText("[fd00::2]/suit/trigger")
    form.name.setText("Cellar")
    with qtbot.waitSignal(first._devices.changed, timeout=WAIT):
        form.submit()
    first.close()
    second = open_window()
    with qtbot.waitSignal(second._link.answered, timeout=WAIT):
        pass
    assert second._bar.url == second._link.url == ota.url
    assert second._page.panel.devices == "[fd00::2]/suit/trigger"
    qtbot.waitUntil(lambda: [device.name for device in second._devices.model.items] == ["Cellar"], timeout=WAIT)
    actions = second._page.files.recent_menu.actions()
    assert len(actions) == 3
    with qtbot.waitSignal(second._flow.looked, timeout=WAIT):
        actions[0].trigger()
    assert _paths(second) == set(SAMPLE_FILES)


def _paths(window: MainWindow) -> set[Path]:
    return {file.path for file in window._flow.bundle.files.values()}
