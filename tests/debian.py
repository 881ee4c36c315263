"""The libraries are those of Debian's own packages: only `make test-debian` names this file, the other run has PyPI's."""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

PACKAGES = Path("/usr/lib/python3/dist-packages")
LIBRARIES = (
    *("bottle", "waitress", "watchdog", "cbor2", "cryptography", "ifaddr", "prometheus_client"),
    *("requests", "requests_toolbelt", "urllib3", "tqdm", "PyQt5", "keyring"),
)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_is_debians(name: str) -> None:
    module = import_module(name)
    assert module.__file__ is not None
    assert PACKAGES in Path(module.__file__).parents, f"{name} {metadata.version(name)} is not Debian's"


def test_python_is_debians() -> None:
    assert sys.base_prefix == "/usr"
