"""Real Syncthing instances that know only each other, in a network of their own that leads nowhere."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.namespaces import Namespace, namespaces

_OFFLINE = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "crashReportingEnabled": "false",
    "startBrowser": "false",
    "urAccepted": "-1",
    "autoUpgradeIntervalH": "0",
    "stunKeepaliveStartS": "0",
}
_QUICK = {"reconnectionIntervalS": "1", "limitBandwidthInLan": "true"}


class Syncthing:
    """One instance, which keeps one folder."""

    def __init__(self, host: Namespace, home: Path, folder: Path, port: int) -> None:
        self.folder = folder
        self._host = host
        self._home = home
        self._port = port
        self._run("generate", "--no-default-folder", "--skip-port-probing")
        self.id = self._run("--device-id").strip()
        (folder / ".stfolder").mkdir(parents=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"tcp://127.0.0.1:{self._port}"

    def _run(self, *arguments: str) -> str:
        command = ["syncthing", *arguments, f"--home={self._home}"]
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout

    def know(self, peer: Syncthing, kib_per_second: int) -> None:
        """Share the folder with the other one, this many KiB a second at most."""
        config = self._home / "config.xml"
        tree = ET.parse(config)
        root = tree.getroot()
        options = root.find("options")
        assert options is not None
        rate = {"maxSendKbps": str(kib_per_second), "maxRecvKbps": str(kib_per_second)}
        for name, value in {**_OFFLINE, **_QUICK, **rate, "listenAddress": self.address}.items():
            _element(options, name).text = value
        gui = root.find("gui")
        assert gui is not None
        gui.set("enabled", "false")
        device = ET.SubElement(root, "device", id=peer.id, name="peer")
        ET.SubElement(device, "address").text = peer.address
        folder = ET.SubElement(
            root, "folder", id="firmware", path=str(self.folder), type="sendreceive", fsWatcherEnabled="true", fsWatcherDelayS="1"
        )
        ET.SubElement(folder, "device", id=self.id)
        ET.SubElement(folder, "device", id=peer.id)
        ET.SubElement(folder, "maxConflicts").text = "10"
        tree.write(config)

    def start(self) -> None:
        """Begin to keep the folder."""
        command = [*self._host.prefix, "syncthing", "serve", f"--home={self._home}", "--no-browser"]
        # STMONITORED: without the parent process that would start it again, which a signal to it would leave running.
        environment = {**os.environ, "STNOUPGRADE": "1", "STMONITORED": "yes"}
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        self._process.send_signal(number)
        self._process.wait(30)


@contextmanager
def two_syncthings(here: Path, there: Path, homes: Path, kib_per_second: int) -> Iterator[tuple[Syncthing, Syncthing]]:
    """Two running instances that keep these two folders equal.

    Skips the test where they cannot be had.
    """
    if shutil.which("syncthing") is None:
        pytest.skip("syncthing is missing: apt-get install syncthing")
    with namespaces("syncthing") as [host], ExitStack() as stack:
        one, two = (Syncthing(host, homes / f"{n}", folder, 22001 + n) for n, folder in enumerate((here, there)))
        one.know(two, kib_per_second)
        two.know(one, kib_per_second)
        for instance in (one, two):
            instance.start()
            stack.callback(instance.stop, signal.SIGKILL)
        yield one, two


def _element(parent: ET.Element, name: str) -> ET.Element:
    found = parent.find(name)
    return ET.SubElement(parent, name) if found is None else found
