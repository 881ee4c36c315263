"""The third step by itself."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from common.finding import Finding, Role, Severity
from desktop.following import DeviceRow, Following, Stage
from desktop.window.publish.panel import PublishPanel

ERROR = Finding(Severity.ERROR, "digest-mismatch", "It differs.", Role.SLOT0)


@pytest.fixture
def panel(qtbot: QtBot) -> PublishPanel:
    made = PublishPanel()
    qtbot.addWidget(made)
    made.show()
    made.show_server(True)
    made.propose("v1")
    return made


def test_before_the_check_has_come_it_says_that_it_is_checked(panel: PublishPanel) -> None:
    panel.show_checking(True)
    assert panel._why.text() == "Checking…"
    panel.show_errors((), True)
    assert panel._why.isHidden()
    assert panel._button.isEnabled()


def test_an_error_is_asked_about(panel: PublishPanel, qtbot: QtBot) -> None:
    panel.show_errors((ERROR,), True)
    assert not panel._button.isEnabled()
    panel._anyway.click()
    assert "digest-mismatch" in panel._sure.text()
    with qtbot.waitSignal(panel.publish_asked) as asked:
        panel._sure.yes.click()
    assert asked.args == ["v1", [], True]


def test_while_devices_are_watched_it_offers_to_stop(panel: PublishPanel) -> None:
    panel.show_errors((), True)
    panel.show_busy(True)
    assert "Cancel" in panel._cancel.text().replace("&", "")
    assert panel._bar.isVisible()
    panel.show_notified(Following("v1", "http://x", (DeviceRow("[fd00::2]/fw", Stage.NOTIFIED),)))
    assert panel._cancel.text().replace("&", "") == "Stop watching"
    assert not panel._bar.isVisible()
    assert panel._outcome._copy.isVisible()


def test_another_try_keeps_what_was_said(panel: PublishPanel) -> None:
    panel.show_busy(True)
    panel.show_notified(Following("v1", "http://x", (DeviceRow("[fd00::2]/fw", Stage.REFUSED, "Busy."),)))
    panel.show_busy(False)
    panel.retry_asked.connect(lambda: panel.show_busy(True))
    panel._outcome._retry.click()
    assert "Busy." in panel.summary
