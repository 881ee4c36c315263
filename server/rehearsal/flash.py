"""A device's two slots: what their headers say, and which one the bootloader starts (RIOT: bootloaders/riotboot)."""

from __future__ import annotations

from common import riotboot
from common.riotboot import Header


class Flash:
    """Both slots. A device owns one; a reboot does not change what is in it."""

    def __init__(self, offsets: tuple[int, int], version: int) -> None:
        """`version`: that of slot 0, which runs; slot 1 is empty. `offsets`: bytes from the start of the flash."""
        self._offsets = offsets
        self._versions: list[int | None] = [version, None]
        self.active = 0

    @property
    def inactive(self) -> int:
        """The slot that an update is written to."""
        return 1 - self.active

    @property
    def offset(self) -> int:
        """Where an update is written to."""
        return self._offsets[self.inactive]

    @property
    def version(self) -> int:
        """Of what runs."""
        version = self._versions[self.active]
        assert version is not None, "what runs has a header"
        return version

    @property
    def highest(self) -> int:
        """The highest version in a valid slot header: an update must be above it."""
        return max(version for version in self._versions if version is not None)

    def erase(self) -> None:
        """The inactive slot has no header any more: an update begins."""
        self._versions[self.inactive] = None

    def write(self, image: bytes) -> Header | None:
        """An update, its header last; the header where the bootloader will take it."""
        header = riotboot.parse(image[: riotboot.HEADER_BYTES])
        if header is None or not header.intact:
            return None
        self._versions[self.inactive] = header.version
        return header

    def boot(self) -> None:
        """The bootloader starts the slot with the highest version; the first one where they are the same."""
        self.active = max((0, 1), key=lambda slot: (-1 if (found := self._versions[slot]) is None else found, -slot))
