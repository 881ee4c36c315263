"""The rights that a folder's access list gives, given back to what somebody dropped there with fewer.

A default ACL (acl(5)) gives everything that is made in a folder the folder's own entries, whatever the umask. But programs
that copy a file with its mode (scp, `cp -r`) shrink the new file's mask to that: a folder of mode 0755 in which nobody
but its owner removes anything, or a file of mode 0600.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

_NAME = "system.posix_acl_access"
_HEADER = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
"""Tag, rights, user or group: <linux/posix_acl_xattr.h>."""
_MASK = 0x10
_READ_WRITE, _SEARCH = 6, 1
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENODATA, errno.ENOTSUP, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def lift_mask(path: str | Path) -> bool:
    """Have an ACL's mask let through what its entries say, for reading and writing; whether something was changed.

    A file without an ACL, a link, or one of somebody else's where CAP_FOWNER is missing stays as it is.
    """
    try:
        status = os.lstat(path)
        if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return False
        held = os.getxattr(path, _NAME, follow_symlinks=False)
        wanted = _lifted(held, _READ_WRITE | (_SEARCH if stat.S_ISDIR(status.st_mode) else 0))
        if wanted == held:
            return False
        os.setxattr(path, _NAME, wanted, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NOT_OURS:
            return False
        raise
    return True


def lift_masks(folder: Path, root: Path, inside: bool) -> None:
    """The same for `folder` and those in which it lies, below `root`; with `inside`, for all folders in it, too."""
    for path in sorted({folder, *folder.parents}):
        if root in path.parents:
            lift_mask(path)
    if inside:
        for found, inner, _ in os.walk(folder):
            for name in inner:
                lift_mask(os.path.join(found, name))


def _lifted(held: bytes, rights: int) -> bytes:
    lifted = bytearray(held)
    for at in range(_HEADER.size, len(held) - _ENTRY.size + 1, _ENTRY.size):
        tag, given, whose = _ENTRY.unpack_from(held, at)
        if tag == _MASK:
            _ENTRY.pack_into(lifted, at, tag, given | rights, whose)
    return bytes(lifted)
