"""The composition: which parts a server has, started in order and stopped in reverse."""

from __future__ import annotations

import contextlib
import gc
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from common.boards import Boards
from common.errors import Hindered
from common.signature import Keys
from server import precheck, symptoms
from server.access import sessions as sessions_file
from server.access import token_file
from server.access.advice import adding
from server.access.sessions import Sessions
from server.access.token_file import TokenFile
from server.access.tokens import Tokens
from server.access.tries import Tries
from server.coap.addresses import facts_of
from server.coap.kept_pins import KeptPins
from server.coap.ping import Pinger
from server.coap.pins import MAX_PINS, Pins
from server.coap.service import CoapService
from server.coap.urls import CoapUrls
from server.firmware.catalogue import LiveCatalogue
from server.firmware.hashes import Hashes, HashFile
from server.firmware.holdings import Holdings
from server.firmware.images import ImageCache
from server.firmware.judging import Judge
from server.firmware.publishing import Publisher
from server.firmware.retention import Limits
from server.firmware.store import Store
from server.firmware.watcher import Watcher
from server.first_look import FirstLook
from server.fleet.devices.directory import TIMING, Registry
from server.fleet.fleet import Fleet, FleetSettings
from server.fleet.pulse import Pulse
from server.health import Check, Health
from server.settings.config import MIB, Config
from server.sockets import Sockets, shown
from server.steady import Steady
from server.supervision import Supervision
from server.symptoms import Disk, Dropping
from server.systemd import Manager
from server.web.api import Api
from server.web.app import create_app
from server.web.auth import Guard
from server.web.device_pages import DevicePages
from server.web.door import listener
from server.web.door.connections import Bounds, Connections
from server.web.door.serving import Serving
from server.web.door.spool import Spool
from server.web.events import Events
from server.web.fleet import FleetApi
from server.web.login import Login
from server.web.metrics import CoapSeries, FleetSeries, FolderSeries, RetentionSeries, ServerSeries
from server.web.monitors import Monitors
from server.web.pages import Pages
from server.web.proxy import believing
from server.web.rollouts import RolloutApi

_UPLOADS_AT_ONCE = 4
_DOWNLOADS_AT_ONCE = 4
"""Of different large files, to slow readers."""
_LEAST_UNSENT = 64 * MIB
_PUBLISH_FILES = 3
_KEEP_EVERY = 2.0
"""Seconds between two looks at which transfers began or ended."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process gives its parts."""

    sockets: Sockets
    manager: Manager
    died: Callable[[str], None]
    """Told of a part whose thread ended by a fault."""
    patience: Callable[[], float]
    """Asked at the end: seconds that HTTP requests under way get to be answered, while devices still are."""
    problem: Callable[[], str]
    """What is wrong with the process as a whole, for a person; empty when nothing is."""
    token_files: set[Path] = field(default_factory=set)
    """Those that were there since the process began."""


def check(config: Config) -> None:
    """Raises ConfigError where a file, a folder or an address that the configuration names cannot be used. Changes nothing."""
    precheck.look(config)
    Boards.load(config.boards)
    _trusted(config.trust_keys)


@contextlib.contextmanager
def started(config: Config, process: Surroundings) -> Iterator[Serving]:
    """All parts, started but for the page, whose run() is the caller's; they are stopped at the end.

    Raises ConfigError for what cannot be as configured.
    """
    stopping, died, sockets = threading.Event(), process.died, process.sockets
    hashes = Hashes()
    store = Store(config.firmware_dir.absolute(), config.max_image_size, time.time, hashes)
    store.prepare()
    _prepare_spool(config.state)
    hash_file = HashFile(config.state / "hashes", store.root, hashes, time.monotonic)
    hash_file.load()
    holdings = Holdings(config.state / "holders", store.root, time.time)
    boards, keys = Boards.load(config.boards), _trusted(config.trust_keys)
    with contextlib.ExitStack() as parts:
        tcp, udp = parts.enter_context(sockets.tcp(config)), parts.enter_context(sockets.udp(config))
        coap_host, coap_port = udp.getsockname()[:2]
        urls = CoapUrls(config.coap_host, coap_port)
        facts = partial(facts_of, coap_host, config.coap_host, coap_port, config.max_image_size)
        live = LiveCatalogue(store, time.time, Judge(keys, boards, facts), holdings.load())
        cache = ImageCache(store.read, config.image_cache)

        def after_look() -> None:
            hash_file.save_when_due()
            holdings.save_when_due(live.current)
            cache.keep(live.current.images)

        parts.callback(hash_file.save)
        parts.callback(lambda: holdings.save(live.current))
        watcher = Watcher(store.root, live, config.rescan, died, after_look=after_look)
        parts.callback(watcher.stop)
        gc.disable()  # all that the first look makes stays, and looking through it again and again takes as long as making it
        with FirstLook(process.manager, lambda: hashes.learnt):
            watcher.start()
        gc.enable()
        gc.unfreeze()  # what was there before a reload
        gc.collect()
        gc.freeze()  # nor later: looking through thousands of releases would hold up devices
        registry = Registry(Pinger(TIMING, own_port=coap_port, died=died), time.monotonic)
        pins = Pins(time.monotonic, MAX_PINS, config.image_cache)
        kept = KeptPins(config.state / "transfers", pins, partial(time.clock_gettime, time.CLOCK_BOOTTIME))
        kept.restore()
        parts.callback(kept.save)
        keeping = Pulse("transfers", [kept.save_when_due], _KEEP_EVERY, died)
        parts.callback(keeping.stop)
        keeping.start()
        wake, rate = watcher.wake, config.coap_rate
        devices = CoapService(udp, live, cache, pins, wake, died, rate, registrar=registry)
        parts.callback(devices.stop)
        devices.start()
        publisher = Publisher(store, live)
        settings, steady = _fleet_settings(config), Steady(time.time, time.monotonic)
        fleet = parts.enter_context(Fleet(settings, devices, live, urls, died, publisher.remove, registry.forget, steady))
        parts.callback(registry.stop)
        registry.start(fleet.devices.register)
        api = Api(live, publisher, fleet, cache, urls, config.max_image_size, stopping)
        tokens_at = TokenFile(config.state / token_file.NAME)
        tokens = Tokens(tokens_at, partial(fleet.history.record, "token"), process.token_files)
        sessions = Sessions(config.state / sessions_file.NAME, steady)
        tries, proxied = Tries(time.monotonic), config.trusted_proxy is not None
        guard = Guard(tcp.getsockname()[0], tokens, sessions, tries, proxied, adding(config.state))
        health = Health(_checks(config, watcher, live, devices, fleet), time.monotonic)
        folder = FolderSeries(live, watcher, config.rescan)
        of_server, retention = ServerSeries(health, time.time()), RetentionSeries(fleet.retiring)
        monitors = Monitors(health, live, (of_server, CoapSeries(devices), folder, FleetSeries(fleet), retention))
        events = Events(fleet, stopping)
        calls, rollouts = FleetApi(fleet), RolloutApi(fleet)
        device_pages = DevicePages(fleet, calls, rollouts, live, guard, coap_port, time.time)
        login = Login(guard, fleet.history)
        app = create_app(api, calls, events, Pages(), live, urls, guard, store.root, monitors, rollouts, device_pages, login)
        body_limit = _PUBLISH_FILES * config.max_image_size + MIB
        site = believing(app, config.trusted_proxy)
        spool = Spool(body_limit, _UPLOADS_AT_ONCE * body_limit)
        unsent = max(_LEAST_UNSENT, _DOWNLOADS_AT_ONCE * config.max_image_size)
        connections = Connections(config.trusted_proxy, Bounds(unsent))
        page = Serving(listener.create(site, tcp, spool, guard.may_send, connections), tcp, connections.look)
        supervision = Supervision(
            process.manager,
            (devices.liveness.check, page.is_ready),
            (devices.liveness.check, page.turns),
            lambda: f"{process.problem()}{devices.liveness.strain}{_status(live, fleet)}",
            died,
        )
        parts.callback(supervision.stop)
        parts.callback(lambda: page.stop(process.patience()))
        parts.callback(stopping.set)
        parts.callback(supervision.end)  # before the page ends, which it would take for hung
        supervision.start()
        _log.info(
            "serving %r: devices on coap://%s, people on http://%s",
            str(store.root),
            shown(udp.getsockname()),
            shown(tcp.getsockname()),
        )
        yield page


def _checks(config: Config, watcher: Watcher, live: LiveCatalogue, devices: CoapService, fleet: Fleet) -> list[Check]:
    disks = (Disk("firmware folder", config.firmware_dir.absolute()), Disk("state folder", config.state.absolute()))
    return [
        partial(symptoms.answering, devices.self_check.ask),
        partial(symptoms.looking, watcher, config.rescan),
        *(disk.check for disk in disks),
        partial(symptoms.recording, fleet.history),
        Dropping(devices.queue, time.monotonic).check,
        partial(symptoms.content, live),
    ]


def _fleet_settings(config: Config) -> FleetSettings:
    return FleetSettings(
        file=config.state / "fleet.db",
        keep_history=config.keep_history,
        patience=config.patience,
        version_path=config.version_path,
        max_transfers=config.max_transfers,
        limits=Limits(config.keep, config.quota),
    )


def _trusted(folder: Path | None) -> Keys | None:
    if folder is None:
        return None
    from common.trust import TrustedKeys  # cryptography takes 12 MB, which a gateway without keys keeps

    return TrustedKeys.load(folder)


def _prepare_spool(state: Path) -> None:
    """Uploads are spooled in the state folder, not in /tmp, which may be small or another's."""
    spool = state / "spool"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is remembered there of devices and people is not for others
        spool.mkdir(exist_ok=True)
        for left in spool.iterdir():
            left.unlink()
    except OSError as error:
        raise Hindered(
            f"The state folder {str(state)!r} cannot be used: {error.strerror}."
            " Name one that the server may write with --state-dir."
        ) from None
    tempfile.tempdir = str(spool)


def _status(live: LiveCatalogue, fleet: Fleet) -> str:
    """One line for a person: what there is, what goes on, and what is wrong."""
    current = live.current
    text = f"{_counted(len(current.releases), 'release')}, {_counted(fleet.transfers.running, 'transfer')}"
    if current.problems:
        first = current.problems[0]
        text += f"; {_counted(len(current.problems), 'problem')} in the folder: {first.path!r}: {first.message}"
    if fleet.history.trouble:
        text += f"; {fleet.history.trouble}"
    return text


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
