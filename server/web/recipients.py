"""Whom a request wants told of a release: the devices whose URLs it gives, and those of the groups that it names."""

from __future__ import annotations

from collections.abc import Iterable

from common.device_url import LONGEST, DeviceUrl, parse_list, split_list
from common.errors import InvalidRequest
from server.fleet.devices.devices import Devices

MAX_DEVICES = 1000
LONGEST_BODY = MAX_DEVICES * 3 * (LONGEST + 2) + 65536
"""Bytes of a form, or of JSON, that names them: each byte as %2F or as a part of \\u00e9, and two to part the URLs."""


def recipients(urls: str, groups: Iterable[str], devices: Devices, where: str) -> tuple[DeviceUrl, ...]:
    """Each once, in the order given; `where` is of what there are MAX_DEVICES: `can be told at once`.

    Raises InvalidRequest, also for a group without devices, and InvalidDeviceUrl.
    """
    _count(len(split_list(urls)), where)  # before each is read, for there is room for very many short ones
    found = list(parse_list(urls))
    for name in groups:
        of_group = devices.of_group(name)
        if not of_group:
            raise InvalidRequest(f"No device of a group {name!r} can be notified: name devices, and give them that group.")
        found += of_group
    if not found:
        raise InvalidRequest("No device is named: give device URLs in the field 'urls', parted by commas, or a 'group'.")
    each_once = tuple(dict.fromkeys(found))
    _count(len(each_once), where)
    return each_once


def _count(named: int, where: str) -> None:
    if named > MAX_DEVICES:
        raise InvalidRequest(f"{named} devices are named; at most {MAX_DEVICES} {where}.")
