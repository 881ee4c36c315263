"""What the disk of the firmware folder says, as a sentence for people."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from common.errors import OtaError, StoreFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_OWNED = "Give it write access, for instance by a group that both share, and try again"
_MOUNTED = "Its disk is mounted read-only, or ReadWritePaths= of the service does not name the folder (systemctl edit ota-server)"
NOTHING = "Nothing was published; make room and try again.", "Nothing was changed."
"""What became of an act that is undone when it fails: on a full disk, and else."""
AGAIN = "Make room and try again.", "Try again: what was begun is finished then."
"""The same of one that goes on where it was."""


@contextlib.contextmanager
def as_sentences(what: str, outcome: tuple[str, str] = NOTHING) -> Iterator[None]:
    """An OSError within becomes StoreFull. `what` the server's user may not do, in front of "the firmware folder"."""
    try:
        yield
    except OtaError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise StoreFull(f"The disk of the firmware folder is full. {outcome[0]}") from error
        if error.errno in _FORBIDDEN:
            how = _MOUNTED if error.errno == errno.EROFS else _OWNED
            raise StoreFull(f"The server's user may not {what} the firmware folder ({error.strerror}). {how}.") from error
        raise StoreFull(f"The disk of the firmware folder reports an error ({error.strerror}). {outcome[1]}") from error


def owner(path: Path) -> str:
    """The user whose it is, quoted."""
    with contextlib.suppress(OSError, KeyError):
        return repr(path.owner())
    return "unknown"
