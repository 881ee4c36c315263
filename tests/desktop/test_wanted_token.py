"""The window at a server that lets everybody read, and wants a token of who changes something."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from desktop.window.main_window import MainWindow
from server.access.token import Right
from tests.support.access import add_token
from tests.support.releases import SAMPLE_FILES
from tests.support.server import Server
from tests.support.window import WAIT, connected


def test_it_is_wanted_typed_and_then_published_with(window: MainWindow, server: Server, qtbot: QtBot) -> None:
    token, weak = add_token(server.state), add_token(server.state, "weak", Right.NOTIFY)
    bar, link, flow = window._bar, window._link, window._flow
    connected(window, server.url, qtbot)
    flow.pick(SAMPLE_FILES)
    qtbot.waitUntil(window._page.panel._button.isEnabled, timeout=WAIT)
    assert not bar._row.isVisible()
    with qtbot.waitSignal(flow.failed, timeout=WAIT) as failed:
        window._page.panel._button.click()
    assert f"-m server token add laptop --state-dir {server.state}" in str(failed.args[0])
    assert "Whoever changes something here needs a token" in window._page.panel.summary
    assert bar._row.isVisible()
    link.set_token(weak)
    qtbot.waitUntil(lambda: not flow.busy, timeout=WAIT)
    with qtbot.waitSignal(flow.failed, timeout=WAIT) as failed:
        window._page.panel._button.click()
    assert "'weak' may notify, and this needs one that may publish" in str(failed.args[0])
    bar._row._edit.setText(token)
    bar._row._use()
    assert link.token == token
    qtbot.waitUntil(window._page.panel._button.isEnabled, timeout=WAIT)
    with qtbot.waitSignal(flow.published, timeout=WAIT) as published:
        window._page.panel._button.click()
    qtbot.waitUntil(lambda: not flow.busy, timeout=WAIT)
    release, created = published.args
    assert created
    qtbot.waitUntil(lambda: f"laptop (127.0.0.1): Published {release.publish_id}." in server.log, timeout=WAIT)
    link.set_token(weak)
    with qtbot.waitSignal(link.refused, timeout=WAIT) as refused:
        link.withdraw(release.publish_id)
    assert "'weak' may notify" in str(refused.args[0])
