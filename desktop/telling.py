"""Has a server tell devices of a release, and watches what they fetch, until there is nothing left to see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from common.client import POLL, Cancelled, Client
from common.device_url import DeviceUrl
from common.errors import OtaError, ServerRefused
from common.transfer import Transfer
from desktop.following import Follower, Following

WATCH = 1.0
"""Seconds between two looks at what the devices fetch."""


def tell(
    client: Client,
    follower: Follower,
    devices: Sequence[DeviceUrl],
    cancelled: Callable[[], bool],
    heard: Callable[[Following], None],
) -> None:
    """Call `heard` each time that something is new. Raises Cancelled, or the OtaError for which it cannot go on."""
    publish_id = follower.now.publish_id
    heard(follower.now)
    if cancelled():
        raise Cancelled(f"Cancelled: no device was told of {publish_id}, which stays on the server.")
    follower.ignore(_transfers(client))
    notification = client.notify(publish_id, devices)
    last, now = follower.now, follower.answered(notification)
    next_look = 0.0
    while True:
        if now != last:
            heard(now)
        if not now.on:
            return
        if cancelled():
            watched = "The devices are watched no longer."
            raise Cancelled(watched if now.told else "Cancelled: devices that have not answered yet may be told all the same.")
        time.sleep(POLL)
        last = now
        if not notification.done:
            notification = client.notification(notification.id)
            now = follower.answered(notification)
        if follower.watching and time.monotonic() >= next_look:
            now = _look(client, follower)
            next_look = time.monotonic() + WATCH


def _look(client: Client, follower: Follower) -> Following:
    try:
        return follower.moved(_transfers(client) or ())
    except OtaError as error:
        if not follower.now.told:
            raise
        text = f"{error} The devices were told, and go on as soon as they reach it; they are watched no longer."
        raise type(error)(text) from error


def _transfers(client: Client) -> tuple[Transfer, ...] | None:
    try:
        return client.transfers()
    except ServerRefused:
        return None  # to tell the devices matters more
