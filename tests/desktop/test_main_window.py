"""The whole window, offscreen, over a real server: dropped, checked, published, told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QMimeData, QUrl
from PyQt5.QtWidgets import QAbstractItemView, QAction, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from common.finding import Role
from desktop.window.main_window import MainWindow
from tests.fakes.riot_device import RiotDevice
from tests.support.releases import SAMPLE, SAMPLE_FILES, write_release
from tests.support.server import Server
from tests.support.window import WAIT, connected, drop, dropped, urls


def menu_entry(window: MainWindow, text: str) -> QAction:
    """The line of a menu that says this."""
    return next(action for action in window.findChildren(QAction) if action.text().replace("&", "") == text)


def test_dropped_checked_published_and_told_of(window: MainWindow, server: Server, qtbot: QtBot) -> None:
    connected(window, server.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    assert set(window._flow.bundle.files) == set(Role)
    panel = window._page.panel
    qtbot.waitUntil(panel._button.isEnabled, timeout=WAIT)
    assert panel._id.text()
    with RiotDevice(host="127.0.0.1") as device:
        panel.set_devices(device.url)
        with qtbot.waitSignal(window._flow.published, timeout=WAIT) as published:
            panel._button.click()
        qtbot.waitUntil(lambda: "notified" in panel.summary, timeout=WAIT)
        window._flow.cancel()  # where the server reports transfers, it would be watched for a while
        qtbot.waitUntil(lambda: not window._flow.busy, timeout=WAIT)
        assert [url.rpartition("/")[2] for url in device.triggered] == ["manifest"]
    release, created = published.args
    assert (created, server.state_of(release.publish_id)) == (True, "ready")
    assert "Published" in panel.summary
    assert "notified" in panel.summary
    qtbot.waitUntil(lambda: release.publish_id in _texts(window._releases), timeout=WAIT)


def _texts(widget: QWidget) -> str:
    """Whatever is shown in lists and labels."""
    found = [label.text() for label in widget.findChildren(QLabel)]
    for view in widget.findChildren(QAbstractItemView):
        model = view.model()
        if model is not None:
            found += [str(model.index(row, 0).data() or "") for row in range(model.rowCount())]
    return "\n".join(found)


def test_an_error_blocks_and_may_be_forced_after_it_was_named(window: MainWindow, server: Server, qtbot: QtBot) -> None:
    connected(window, server.url, qtbot)
    mixed = [SAMPLE_FILES[0], SAMPLE / "slot0.1700000100.bin", SAMPLE_FILES[2]]
    dropped(window, mixed, qtbot)
    panel = window._page.panel
    qtbot.waitUntil(lambda: not panel._anyway.isHidden(), timeout=WAIT)
    assert not panel._button.isEnabled()
    panel._anyway.click()
    assert "digest-mismatch" in panel._sure.text()
    with qtbot.waitSignal(window._flow.published, timeout=WAIT) as published:
        panel._ask(True)
    assert published.args[0].forced
    qtbot.waitUntil(lambda: not window._flow.busy, timeout=WAIT)


def test_files_that_are_built_anew_are_read_again(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    build = [tmp_path / path.name for path in SAMPLE_FILES]
    for path, source in zip(build, SAMPLE_FILES, strict=True):
        path.write_bytes(source.read_bytes())
    dropped(window, build, qtbot)
    before = window._flow.bundle.files[Role.SLOT0].sha256
    build[1].write_bytes((SAMPLE / "slot0.1700000100.bin").read_bytes())
    with qtbot.waitSignal(window._flow.said, timeout=WAIT) as said:
        pass
    assert window._flow.bundle.files[Role.SLOT0].sha256 != before
    assert build[1].name in said.args[0]


def test_a_server_that_goes_away_loses_nothing(window: MainWindow, server: Server, qtbot: QtBot) -> None:
    connected(window, server.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    qtbot.waitUntil(window._page.panel._button.isEnabled, timeout=WAIT)
    server.stop()
    with qtbot.waitSignal(window._flow.failed, timeout=WAIT):
        window._page.panel._button.click()
    assert "No server at" in window._page.panel.summary or "lost" in window._page.panel.summary
    assert set(window._flow.bundle.files) == set(Role)
    assert window._page.panel._id.text()


@pytest.mark.parametrize("kind", ["text", "web"])
def test_what_is_no_file_is_told_to_be_none(window: MainWindow, kind: str) -> None:
    mime = QMimeData()
    mime.setText("hello") if kind == "text" else mime.setUrls([QUrl("https://example.org/a.bin")])
    drop(window, mime)
    assert "file" in window._line.text()
    assert window._flow.bundle.files == {}


def test_a_server_of_its_own(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(window._local.started, timeout=WAIT):
        menu_entry(window, "Start one on this computer").trigger()
        assert f"its firmware folder is {tmp_path / 'data'}" in window._line.text()
    qtbot.waitUntil(lambda: window._link.url is not None, timeout=WAIT)
    assert window._line.text() == ""
    window._local.stop()


def test_files_are_chosen_by_the_menu(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(path) for path in SAMPLE_FILES], ""))
    with qtbot.waitSignal(window._flow.looked, timeout=WAIT):
        menu_entry(window, "Choose files…").trigger()
    assert set(window._flow.bundle.files) == set(Role)


@pytest.mark.parametrize(("typed", "said"), [("", "Name the devices that are to be told of v1 first."), ("[fd00::", "[fd00::")])
def test_whom_to_tell_of_a_release_that_is_there_has_to_be_typed(window: MainWindow, typed: str, said: str) -> None:
    window._page.panel.set_devices(typed)
    window._releases.notify_asked.emit("v1")
    assert said in window._line.text()
    assert not window._flow.busy


@pytest.mark.parametrize("field", ["_id", "_devices", "_address", "_filter"])
def test_files_dropped_on_a_field_are_picked_and_typed_nowhere(window: MainWindow, qtbot: QtBot, field: str) -> None:
    fields = {
        "_id": window._page.panel._form.id,
        "_devices": window._page.panel._form.devices.viewport(),
        "_address": window._bar._edit,
        "_filter": window._releases.filter,
    }
    target = fields[field]
    assert target is not None
    mime = urls(SAMPLE_FILES)
    mime.setText("file:///tmp/as-text")
    before = [window._page.panel._form.devices.toPlainText(), window._bar._edit.text(), window._releases.filter.text()]
    with qtbot.waitSignal(window._flow.looked, timeout=WAIT):
        assert drop(target, mime)
    assert set(window._flow.bundle.files) == set(Role)
    assert before == [window._page.panel._form.devices.toPlainText(), window._bar._edit.text(), window._releases.filter.text()]
    assert "file" not in window._page.panel._form.id.text()


def test_the_id_of_what_was_published_before_is_said_to_be_taken(
    window: MainWindow, server: Server, qtbot: QtBot, tmp_path: Path
) -> None:
    connected(window, server.url, qtbot)
    dropped(window, SAMPLE_FILES, qtbot)
    panel = window._page.panel
    qtbot.waitUntil(panel._button.isEnabled, timeout=WAIT)
    name = panel._id.text()
    with qtbot.waitSignal(window._flow.published, timeout=WAIT):
        panel._button.click()
    qtbot.waitUntil(lambda: not window._flow.busy and name in panel._form._taken, timeout=WAIT)
    assert not panel._form._id_trouble.text()
    window._flow.clear()
    other = write_release(tmp_path / "other")
    dropped(window, [tmp_path / "other" / role for role in other], qtbot)
    panel._id.setText(name)
    panel._id.textEdited.emit(name)
    assert "has this id" in panel._form._id_trouble.text()


def test_a_word_that_is_long_makes_the_window_no_wider(window: MainWindow, qtbot: QtBot) -> None:
    before = window.minimumSizeHint().width()
    window._say(f"{'m' * 3000} is not there.")
    window._bar.show_state(False, "n" * 3000)
    qtbot.waitUntil(window._line.isVisible, timeout=WAIT)
    assert window.minimumSizeHint().width() == before
