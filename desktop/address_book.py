"""The devices that a person keeps by name: a value, its JSON file, and its CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from functools import lru_cache
from pathlib import Path

from common.device_url import DeviceUrl
from common.errors import ConfigError, InvalidDeviceUrl, StoreFull
from desktop.wording import count, size

MAX_BYTES = 4 * 1024 * 1024
"""Of a file with devices."""
MAX_DEVICES = 10_000
MAX_SAID = 20
"""Sentences about single lines of a CSV file."""
_LONGEST_URL = 300
"""Characters, that a sentence repeats."""
_COLUMNS = ("name", "url", "group", "note")
_ALSO = {"device": "url", "device url": "url", "device_url": "url", "address": "url", "comment": "note", "notes": "note"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""How a cell begins that a spreadsheet carries out (and the sign that keeps it from that)."""


@dataclass(frozen=True, slots=True)
class Device:
    """One entry. The URL is as it was typed, and may be unfinished."""

    name: str
    url: str
    group: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """The same for two ways to write one device URL."""
        return normal_url(self.url) or self.url.strip()


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The devices in the order in which they were added; each change gives another book."""

    devices: tuple[Device, ...] = ()

    def __len__(self) -> int:
        return len(self.devices)

    def holding(self, url: str) -> Device | None:
        """The entry with this device URL, however it is written; an empty one is nobody's."""
        key = Device("", url).key
        return next((d for d in self.devices if key and d.key == key), None)

    def add(self, device: Device) -> AddressBook:
        """With this one at the end, or in the place of the one that has its device URL."""
        old = self.holding(device.url)
        return self.replace(old, device) if old is not None else AddressBook((*self.devices, device))

    def replace(self, old: Device, new: Device) -> AddressBook:
        """With `new` in the place of `old`; the book itself where `old` is not in it."""
        if old not in self.devices:
            return self
        place = self.devices.index(old)
        return AddressBook((*self.devices[:place], new, *self.devices[place + 1 :]))

    def remove(self, devices: Device | Collection[Device]) -> AddressBook:
        """Without this one, or without all of these."""
        gone = {devices} if isinstance(devices, Device) else set(devices)
        return AddressBook(tuple(d for d in self.devices if d not in gone))

    def filter(self, text: str) -> AddressBook:
        """Those that have each of the words in one of their fields, in upper or lower case."""
        words = text.casefold().split()
        return AddressBook(tuple(d for d in self.devices if all(word in "\n".join(astuple(d)).casefold() for word in words)))

    def merged(self, other: AddressBook) -> AddressBook:
        """With the devices of `other`, which hold where both know one."""
        mine, theirs = ({d.key or d: d for d in book.devices} for book in (self, other))
        return AddressBook(tuple((mine | theirs).values()))

    def to_csv(self) -> str:
        """For spreadsheets, with a line of titles; what would be a formula there is kept from being one."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(_COLUMNS)
        writer.writerows([_guarded(cell) for cell in astuple(device)] for device in self.devices)
        return out.getvalue()


def load(path: Path) -> AddressBook:
    """The book in this file; an empty one where there is none.

    ConfigError says what is wrong with it; a damaged file is kept beside it under another name, so that saving loses nothing.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return AddressBook()
    except (OSError, ValueError) as error:
        raise ConfigError(f"The devices in {str(path)!r} cannot be read ({_why(error)}): check the permissions.") from None
    try:
        if len(data) > MAX_BYTES:
            raise ValueError
        return AddressBook(tuple(_device(entry) for entry in json.loads(data)["devices"][:MAX_DEVICES]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(f"The file {str(path)!r} holds no list of devices{_set_aside(path)}.") from None


def save(book: AddressBook, path: Path) -> None:
    """Write it whole or not at all. Raises StoreFull."""
    text = json.dumps({"version": 1, "devices": [asdict(device) for device in book.devices]}, indent=1, ensure_ascii=False)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = stream.name
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise StoreFull(
            f"The devices cannot be written to {str(path)!r} ({_why(error)}), and are kept until the window is closed:"
            " make room, or give yourself the permission."
        ) from None


def from_csv(text: str) -> tuple[AddressBook, tuple[str, ...]]:
    """The devices in a CSV file, and a sentence for each line that was left out. Raises nothing.

    A line of titles (name, url, group, note, in any order) may be first; without one the columns are in that order, and a
    single column is the device URL. Parted by commas, semicolons or tabs.
    """
    if len(text) > MAX_BYTES:
        return AddressBook(), (f"The file has more than {size(MAX_BYTES)}, and was not read: it takes one device a line.",)
    text = text.removeprefix("\ufeff")
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    devices: dict[str, Device] = {}
    said: list[str] = []
    columns: list[str] | None = None
    try:
        for cells in reader:
            cells = [_plain(cell) for cell in cells]
            if not any(cells):
                continue
            if columns is None:
                titles = [_ALSO.get(cell.casefold(), cell.casefold()) for cell in cells]
                columns = titles if "url" in titles else [*_COLUMNS] if len(cells) > 1 else ["url"]
                if columns is titles:
                    continue
            if len(devices) == MAX_DEVICES:
                said.append(f"From line {reader.line_num} on nothing was read: the book takes {MAX_DEVICES} devices.")
                break
            row = dict(zip(columns, cells, strict=False))
            try:
                url = str(DeviceUrl.parse(row.get("url", "")))
            except InvalidDeviceUrl as error:
                why = str(error) if len(row.get("url", "")) <= _LONGEST_URL else "what stands for its device URL is far too long."
                said.append(f"Line {reader.line_num} was left out: {why}")
                continue
            device = Device(row.get("name", ""), url, row.get("group", ""), row.get("note", ""))
            if url in devices:
                said.append(f"Line {reader.line_num} was left out: {url} is in the file already.")
            devices.setdefault(url, device)
    except csv.Error:
        said.append(f"From line {reader.line_num} on nothing was read: a quotation mark is open, or a cell is far too long.")
    if not devices and not said:
        said.append("The file has no devices: it takes one a line, as name,url,group,note.")
    return AddressBook(tuple(devices.values())), _few(said)


def _few(said: list[str]) -> tuple[str, ...]:
    more = len(said) - MAX_SAID
    return tuple(said) if more <= 0 else (*said[:MAX_SAID], f"{count(more, 'more line')} were left out for such reasons.")


def _plain(cell: str) -> str:
    """What was typed, on one line."""
    if cell.startswith("'") and cell[1:].startswith(_FORMULA):
        cell = cell[1:]
    return " ".join("".join(c if c.isprintable() else " " for c in cell).split())


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


@lru_cache(maxsize=4 * MAX_DEVICES)
def normal_url(url: str) -> str:
    """The device URL in its shortest form, or "" where it is none; each is read once, because that takes 20 µs."""
    try:
        return str(DeviceUrl.parse(url))
    except InvalidDeviceUrl:
        return ""


def _device(entry: dict[str, object]) -> Device:
    """Raises KeyError or TypeError for anything else."""
    values = [entry["name"], entry["url"], entry.get("group", ""), entry.get("note", "")]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(values):
        raise TypeError
    return Device(*texts)


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        os.replace(path, aside)
    except OSError:
        return ": mend it or delete it"
    return f", and is kept as {str(aside)!r}; the window begins with an empty one"


def _why(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "its name is malformed"
