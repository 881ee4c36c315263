"""The address book as a CSV file that a person picks: what came in, what went out, and sentences on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import OtaError
from desktop.address_book import MAX_BYTES, AddressBook, Device, from_csv

_MOST_REMARKS = 3


@dataclass(frozen=True, slots=True)
class Incoming:
    """What is in a file."""

    name: str
    """The file's."""
    book: AddressBook
    remarks: str
    """On lines that were left out."""

    def merged(self, before: Sequence[Device]) -> tuple[tuple[Device, ...], str]:
        """What the book is with these devices, and what changed; a device URL that it has already takes the file's words."""
        known = {device.key: device for device in before}
        new = sum(device.key not in known for device in self.book.devices)
        changed = sum(device.key in known and known[device.key] != device for device in self.book.devices)
        said = f"Read from {self.name}: {new} new, {changed} changed. {self.remarks}".strip()
        return AddressBook(tuple(before)).merged(self.book).devices, said


def read(path: Path) -> Incoming:
    """The devices in the file. Raises OtaError when it cannot be read or has none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise OtaError(f"{path.name} has more than 4 MiB, so it is no list of devices: choose a CSV file.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise OtaError(f"{path.name} is no text in UTF-8: save it as CSV in UTF-8, and import it again.") from None
    except OSError as error:
        raise OtaError(f"{path.name} cannot be read: {error.strerror}.") from error
    book, said = from_csv(text)
    remarks = " ".join(said[:_MOST_REMARKS])
    if len(said) > _MOST_REMARKS:
        remarks += f" And {len(said) - _MOST_REMARKS} more."
    if not book.devices:
        raise OtaError(f"No device was found in {path.name}. {remarks}".strip())
    for device in book.devices:
        _ = device.key  # is remembered, so that showing the devices does not read each URL again
    return Incoming(path.name, book, remarks)


def write(path: Path, devices: Sequence[Device]) -> str:
    """Write all of them, and say so. Raises OtaError when it cannot be written."""
    try:
        path.write_text(AddressBook(tuple(devices)).to_csv(), encoding="utf-8", newline="")
    except OSError as error:
        raise OtaError(f"{path.name} cannot be written: {error.strerror}.") from error
    return f"Wrote {len(devices)} device{'' if len(devices) == 1 else 's'} to {path}."
