"""Local files on their way to the server: opened before anything is sent, and read piece by piece."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from common.errors import InvalidRequest
from common.finding import Role


class LocalFile:
    """One open file, in the shape that requests_toolbelt's MultipartEncoder reads: `len` is what is left to read.

    Every failure is InvalidRequest and names the file, so that it is never mistaken for one of the network.
    """

    def __init__(self, role: Role, path: Path, file: BinaryIO) -> None:
        self.role = role
        self.path = path
        self.size = os.fstat(file.fileno()).st_size
        """Bytes, when it was opened; so many are sent, neither more nor less."""
        self.len = self.size
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; all that is left where it is negative."""
        try:
            data = self._file.read(self.len if size < 0 else min(size, self.len))
        except OSError as error:
            raise _unreadable(self.role, self.path, error) from error
        if self.len and size and not data:
            raise InvalidRequest(
                f"The {self.role} file {str(self.path)!r} became shorter while it was read: is it still being written? Try again."
            )
        self.len -= len(data)
        return data


class LocalFiles:
    """The files of one release, open from `with` to its end; made and used by one thread."""

    def __init__(self, paths: Mapping[Role, Path]) -> None:
        self._paths = paths
        self._open = ExitStack()

    def __enter__(self) -> tuple[LocalFile, ...]:
        with ExitStack() as opened:
            files = tuple(_open(role, path, opened) for role, path in self._paths.items())
            self._open = opened.pop_all()
        return files

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _open(role: Role, path: Path, opened: ExitStack) -> LocalFile:
    try:
        # Before open(), which would wait for the other end of a pipe.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InvalidRequest(f"The {role} file {str(path)!r} is a folder: name the file in it.")
        if not stat.S_ISREG(mode):
            raise InvalidRequest(f"The {role} file {str(path)!r} is no regular file: write it to a file first.")
        file = LocalFile(role, path, opened.enter_context(path.open("rb")))
    except (OSError, ValueError) as error:
        raise _unreadable(role, path, error) from error
    if not file.size:
        raise InvalidRequest(f"The {role} file {str(path)!r} is empty: was it built?")
    return file


def _unreadable(role: Role, path: Path, error: Exception) -> InvalidRequest:
    if isinstance(error, FileNotFoundError):
        return InvalidRequest(f"There is no {role} file {str(path)!r}: check the path.")
    if isinstance(error, PermissionError):
        return InvalidRequest(f"The {role} file {str(path)!r} may not be read: give yourself the permission.")
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "its name is malformed"
    return InvalidRequest(f"The {role} file {str(path)!r} cannot be read ({why}): check the path and the disk.")
