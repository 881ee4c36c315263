"""Which of the server's devices a device URL means."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence

from common.device import Device
from common.device_url import DeviceUrl
from common.transfer import Transfer, TransferState
from desktop.following import key_of

_Key = tuple[str, str]
_UNDER_WAY = (TransferState.RUNNING, TransferState.STALLED)


def addresses_of(host: str) -> tuple[str, ...]:
    """What this machine's resolver says of a name; nothing where it knows none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Finder:
    """Keeps what it found out of names. Threads: one at a time."""

    def __init__(self, resolve: Callable[[str], Iterable[str]] = addresses_of) -> None:
        """`resolve` gives the addresses of a name; it is asked once for each."""
        self._resolve = resolve
        self._names: dict[str, tuple[str, ...]] = {}
        self._devices: Sequence[Device] = ()
        self._by_key: dict[_Key, Device] = {}
        self._by_url: dict[str, Device] = {}
        self._by_name: dict[str, Device | None] = {}
        self._transfers: dict[_Key, Transfer] = {}

    def take(self, devices: Sequence[Device], transfers: Sequence[Transfer], publish_id: str) -> None:
        """What the server says now; of the transfers, those of this release that are under way."""
        if devices is not self._devices:
            self._index(devices)
        mine = [t for t in transfers if t.publish_id == publish_id and t.state in _UNDER_WAY]
        keys = ((key_of(t.device), t) for t in sorted(mine, key=lambda t: t.last_seen))
        self._transfers = {key: transfer for key, transfer in keys if key is not None}

    def device(self, text: str) -> Device | None:
        """By address and zone; a name by what it is called or by the addresses that it has here. None: not known."""
        if found := self._by_url.get(text):
            return found
        key = key_of(text)
        if key is not None:
            return self._by_key.get(key)
        url = DeviceUrl.parse(text)
        if url.zone is not None:
            return self._of_any_zone(url.host)
        return self._by_name.get(url.host.lower()) or self._resolved(url.host)

    def transfer(self, device: Device | None) -> Transfer | None:
        """What it fetches of the release in this moment."""
        key = key_of(device.device) if device is not None else None
        return self._transfers.get(key) if key is not None else None

    def _index(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._by_key = {key: device for device in devices if (key := key_of(device.device)) is not None}
        self._by_url = {device.url: device for device in devices if device.url is not None}
        self._by_name = {}
        for device in devices:
            name = device.name.lower()
            self._by_name[name] = None if name in self._by_name else device  # two of one name: neither is meant

    def _of_any_zone(self, host: str) -> Device | None:
        """A zone's number here is another one there, or a name: the address alone has to do, where one device has it."""
        wanted = ipaddress.ip_address(host)
        found = [d for (address, _), d in self._by_key.items() if ipaddress.ip_address(address) == wanted]
        return found[0] if len(found) == 1 else None

    def _resolved(self, host: str) -> Device | None:
        if host not in self._names:
            self._names[host] = tuple(self._resolve(host))
        keys = (key_of(address) for address in self._names[host])
        return next((self._by_key[key] for key in keys if key is not None and key in self._by_key), None)
