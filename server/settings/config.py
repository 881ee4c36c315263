"""What the server was told, as one frozen value: every setting with its default, and what it is for."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; a key of the file is the field's name with `-` for `_`."""

    firmware_dir: Path = dataclasses.field(default=Path("firmware"), metadata={"help": "the folder that is served and watched"})
    state_dir: Path | None = dataclasses.field(
        default=None,
        metadata={"help": "where uploads are spooled ($STATE_DIRECTORY, else ~/.local/state/ota-server)"},
    )
    http_host: str = dataclasses.field(default="127.0.0.1", metadata={"help": "the address of the page"})
    http_port: int = dataclasses.field(default=8080, metadata={"help": "the TCP port of the page; 0 takes any free one"})
    trusted_proxy: str | None = dataclasses.field(
        default=None,
        metadata={"help": "the address of the one proxy that is believed in what it says of the client (by default none is)"},
    )
    coap_bind: str = dataclasses.field(default="::", metadata={"help": "the address to listen on for devices; :: takes IPv4 too"})
    coap_port: int = dataclasses.field(default=5683, metadata={"help": "the UDP port for devices; 0 takes any free one"})
    coap_host: str | None = dataclasses.field(
        default=None,
        metadata={"help": "the address put into URLs for devices (by default the one that routing would use for each device)"},
    )
    coap_rate: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "bytes a second that one address is sent at most, devices that were notified and this machine aside"
            " (by default any number)",
        },
    )
    trust_keys: Path | None = dataclasses.field(
        default=None,
        metadata={"help": "a folder of PEM files: the public keys that may sign manifests (by default none is checked)"},
    )
    boards: Path | None = dataclasses.field(
        default=None,
        metadata={
            "help": "a file of board names beside RIOT's, one a line, with the vendor's domain behind it where that is not"
            " riot-os.org",
            "metavar": "FILE",
        },
    )
    max_image_size: int = dataclasses.field(default=16 * MIB, metadata={"help": "the largest file, in bytes"})
    image_cache: int = dataclasses.field(default=256 * MIB, metadata={"help": "bytes of images kept in memory"})
    rescan: float = dataclasses.field(
        default=60.0, metadata={"help": "seconds between looks at the whole folder, beside those that changes cause"}
    )
    max_transfers: int = dataclasses.field(
        default=8, metadata={"help": "devices of one notification that may download at once; the others wait their turn"}
    )
    patience: float = dataclasses.field(
        default=600.0, metadata={"help": "seconds that a device has to show that it runs what it downloaded"}
    )
    version_path: str | None = dataclasses.field(
        default=None,
        metadata={"help": "where devices show which release they run, if they have such a resource", "metavar": "PATH"},
    )
    keep_history: int = dataclasses.field(default=90, metadata={"help": "days that the history is kept"})
    keep: int | None = dataclasses.field(
        default=None,
        metadata={"help": "ready releases of each vendor and class that are kept; older ones that nobody uses are removed"
                  " (by default none is)"},
    )  # fmt: skip
    quota: int | None = dataclasses.field(
        default=None,
        metadata={"help": "bytes that the firmware folder may have; the oldest releases that nobody uses are removed"
                  " (by default none is)", "metavar": "BYTES"},
    )  # fmt: skip
    debug: bool = dataclasses.field(default=False, metadata={"help": "log more"})

    @property
    def state(self) -> Path:
        """The state folder, with its default filled in."""
        if self.state_dir is not None:
            return self.state_dir
        given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        return Path(given) if given else Path.home() / ".local" / "state" / "ota-server"

    def to_toml(self) -> str:
        """The settings as the file that would set them."""
        lines = []
        for field in dataclasses.fields(self):
            value = self.state if field.name == "state_dir" else getattr(self, field.name)
            key = field.name.replace("_", "-")
            lines.append(f"# {key} is not set" if value is None else f"{key} = {_toml(value)}")
        return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
