"""What settings may be: a sentence for each that no server could use, whatever machine it is on."""

from __future__ import annotations

import ipaddress

from common.errors import ConfigError
from server.settings.config import Config

_CENTURY = 36_500
"""Days. What is longer is meant as "for ever", and beyond some length clocks and waits fail."""
_LONGEST = _CENTURY * 86_400


def check(config: Config) -> None:
    """Raises ConfigError."""
    for name in ("http_port", "coap_port"):
        if not 0 <= getattr(config, name) <= 65535:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; a port lies between 0 and 65535.")
    for name in ("max_image_size", "image_cache"):
        if getattr(config, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; it is a number of bytes above 0.")
    if config.trusted_proxy is not None and not _is_address(config.trusted_proxy):
        raise ConfigError(f"--trusted-proxy is {config.trusted_proxy!r}; it is an IP address, such as 127.0.0.1.")
    if config.coap_rate is not None and config.coap_rate < 1:
        raise ConfigError(f"--coap-rate is {config.coap_rate}; it is a number of bytes a second above 0.")
    if config.image_cache < config.max_image_size:
        raise ConfigError(
            f"--image-cache is {config.image_cache} and --max-image-size {config.max_image_size}:"
            " the cache has to hold at least one image."
        )
    for name in ("max_transfers", "keep_history"):
        if getattr(config, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; it is a whole number above 0.")
    for name in ("keep", "quota"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} is {value}; it is a whole number above 0. Leave it out to remove nothing by itself.")
    if config.keep_history > _CENTURY:
        raise ConfigError(f"--keep-history is {config.keep_history}; it is a number of days, {_CENTURY} (100 years) at most.")
    for name in ("patience", "rescan"):
        if not 0 < getattr(config, name) <= _LONGEST:
            raise ConfigError(
                f"--{name} is {getattr(config, name)}; it is a number of seconds above 0, {_LONGEST} (100 years) at most."
            )
    firmware, state = config.firmware_dir.resolve(), config.state.resolve()
    if state == firmware or firmware in state.parents:
        raise ConfigError(
            f"The state folder {str(state)!r} lies in the firmware folder {str(firmware)!r}, which is served:"
            " choose another one with --state-dir."
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
