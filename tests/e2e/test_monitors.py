"""What monitors are told: /metrics as Prometheus reads it, the alert rules over it, and /healthz in words."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.coap import ask, fetch, get, peer
from tests.support.releases import write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
RULES = ROOT / "packaging" / "prometheus" / "ota-server.rules.yml"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: sudo apt-get install prometheus")


def promtool(*arguments: str, page: str = "") -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], input=page, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def page(server: Server) -> str:
    return requests.get(f"{server.url}/metrics", timeout=60).text


def value(server: Server, name: str, **labels: str) -> float:
    samples = [s for family in text_string_to_metric_families(page(server)) for s in family.samples]
    [found] = [s.value for s in samples if s.name == name and s.labels == labels]
    return found


def health(server: Server) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{server.url}/healthz", timeout=60)
    return answer.status_code, answer.json()


def becomes(server: Server, status: str) -> dict[str, Any]:
    found: list[tuple[int, dict[str, Any]]] = []

    def is_so() -> bool:
        found[:] = [health(server)]
        return found[0][1]["status"] == status

    wait_until(is_so, what=f"/healthz to say {status}")
    [(code, said)] = found
    assert code == (200 if status == "ok" else 503)
    return said


@needs_promtool
def test_the_rules_are_rules_and_ring_when_they_should() -> None:
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(Path(__file__).with_name("alerts.test.yml")))


def test_what_is_counted_and_what_the_rules_ask_for(tmp_path: Path) -> None:
    data = write_release(tmp_path / "fw" / "v1", size=5000)
    with running(tmp_path / "fw", tmp_path / "state", "--quota", "1000000") as server:
        server.wait_ready("v1")
        with peer(server.coap_port) as sock:
            assert fetch(sock, "v1/slot0", szx=6) == data["slot0"]
            assert ask(sock, get("v1/none", mid=999)).dotted_code == "4.04"
            assert ask(sock, get("v1/slot0", mid=1000, code=3)).dotted_code == "4.05"
        assert value(server, "ota_coap_blocks_total") == 5
        assert value(server, "ota_coap_errors_total", code="4.04") == 1
        assert value(server, "ota_coap_errors_total", code="4.05") == 1
        wait_until(lambda: value(server, "ota_transfers_ended_total", state="done") == 1)
        assert value(server, "ota_catalogue_releases", state="ready") == 1
        assert value(server, "ota_catalogue_bytes") == sum(map(len, data.values()))
        assert 0 <= value(server, "ota_catalogue_age_seconds") < 60
        refused = requests.post(f"{server.url}/notify", headers={"Origin": "http://elsewhere"}, timeout=60)
        assert refused.status_code == 403
        assert value(server, "ota_http_responses_total", code="403") == 1
        form = {"publish_id": "v1", "urls": "127.0.0.1:1/fw"}
        assert requests.post(f"{server.url}/notify", data=form, timeout=60).status_code == 200
        assert value(server, "ota_notifications_total", result="unreachable") == 1
        assert value(server, "ota_folder_quota_bytes") == 1000000
        assert value(server, "ota_releases_retired_total", limit="quota") == 0
        names = {s.name for family in text_string_to_metric_families(page(server)) for s in family.samples}
        expressions = re.findall(r"expr: \|?(.*?)\n +(?:for|labels):", RULES.read_text(), re.DOTALL)
        asked = set(re.findall(r"ota_[a-z_]+", " ".join(expressions)))
        assert len(asked) > 10
        assert asked <= names
        if PROMTOOL is not None:
            promtool("check", "metrics", page=page(server))


def test_what_people_have_to_mend_is_said_and_a_folder_that_is_gone_is_failing(tmp_path: Path) -> None:
    folder = tmp_path / "fw"
    write_release(folder / "v1")
    (folder / "v2").mkdir()
    (folder / "v2" / "manifest").symlink_to("/etc/passwd")
    with running(folder, tmp_path / "state", "--rescan", "0.2") as server:
        found = becomes(server, "ok")
        assert found["problems"] == []
        assert any(note.startswith("v2/manifest: ") for note in found["notes"]), found
        folder.rename(tmp_path / "away")
        found = becomes(server, "failing")
        assert found["problems"][0] == (
            f"The firmware folder {str(folder)!r} cannot be read (No such file or directory): it is served as it was."
            " What changes in it is not seen."
        )
        assert found["releases"] == 1
        assert value(server, "ota_health", status="failing") == 1
        (tmp_path / "away").rename(folder)
        becomes(server, "ok")
        wait_until(lambda: f"the firmware folder {str(folder)!r} can be read again" in server.log, what="the line in the log")


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root: sudo make test")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_disk_that_is_full_or_turns_read_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "fw") as fw, small_disk(tmp_path / "state") as state, running(fw, state) as server:
        becomes(server, "ok")
        for disk, what in ((fw, "firmware folder"), (state, "state folder")):
            filler = disk / ".filler"
            filler.write_bytes(bytes(3 << 20 | 1 << 19))
            found = becomes(server, "degraded")
            assert f"The disk of the {what} {str(disk)!r} is full: make room on it." in found["problems"]
            filler.unlink()
            becomes(server, "ok")
        subprocess.run(["mount", "-o", "remount,ro", str(fw)], check=True)
        assert "now can only be read" in becomes(server, "degraded")["problems"][0]
