"""Calls that the standard library has no name for: renameat2(2) and syncfs(2).

A rename that swaps lets an apply put a file in place without a moment in which
there is none, and see afterwards what it was that it took away. Where a file
system or C library has no such call, OSError says so (``UNABLE``) and the
caller goes another way.
"""

import ctypes
import errno
import os
from typing import Final

NOREPLACE: Final = 1
EXCHANGE: Final = 2
UNABLE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What says that a call is missing here, not that it failed."""


def rename(source: int, name: str, folder: int, target: str, flag: int) -> None:
    """Rename ``name`` in ``source`` to ``target`` in ``folder``, both descriptors of directories. Raises OSError."""
    call = getattr(_library, "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), target)
    if call(source, os.fsencode(name), folder, os.fsencode(target), flag) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def sync(descriptor: int) -> None:
    """Make everything durable that was written to the file system of an open file. Raises OSError."""
    call = getattr(_library, "syncfs", None)
    if call is None:
        os.sync()
    elif call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


_library: Final = ctypes.CDLL(None, use_errno=True)
