"""Files that a person names for output and that are no files: ``/dev/null``, ``/dev/stdout``, a pipe of the shell.

They are written into. Replacing one as a file is replaced would, for root,
take the machine's null device away.
"""

import os
import stat
from typing import Final

_OF_THE_SYSTEM: Final = ("/dev/", "/proc/")


def written_into(path: str | os.PathLike[str], data: bytes) -> bool:
    """Write ``data`` into what stands at ``path`` if it is a device, a pipe or a descriptor; else do nothing.

    Return whether it was written. A link is followed only below ``/dev`` and ``/proc``, where the system made it:
    anywhere else it may be somebody's trap. Raises OSError, for a pipe that nobody reads too.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    follow = 0 if os.path.abspath(path).startswith(_OF_THE_SYSTEM) else os.O_NOFOLLOW
    ordinary = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if ordinary or (stat.S_ISLNK(found.st_mode) and follow):
        return False
    # Without waiting for a reader; none is an error. What is being read is then written with waiting.
    number = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | follow)
    with os.fdopen(number, "wb") as stream:
        os.set_blocking(number, True)
        stream.write(data)
    return True
