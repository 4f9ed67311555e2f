"""One file of git's storage replaced under git's own lock, with a lock file that can be told for ours after a crash.

Git's programs take ``NAME.lock`` (created, never overwritten), write it and
rename it over ``NAME``. Here the lock is a second name of a staged file: it is
complete the moment it is there, and its inode says whose it is.
"""

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from nucleus.apply.beneath import look


def replace(stage: int, staged: str, folder: int, name: str, unmoved: Callable[[], bool]) -> None:
    """Let ``name`` be the staged file, if ``unmoved`` says so under the lock.

    Raises BlockingIOError where another git holds the lock, or the file has moved; then nothing was done.
    """
    lock = f"{name}.lock"
    try:
        os.link(staged, lock, src_dir_fd=stage, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise BlockingIOError(errno.EAGAIN, f"another git holds {lock}", name) from None
    try:
        if not unmoved():
            raise BlockingIOError(errno.EAGAIN, "git's storage has changed meanwhile", name)
        os.rename(lock, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        free(stage, staged, folder, name)


def remove(stage: int, staged: str, folder: int, name: str, unmoved: Callable[[], bool]) -> None:
    """Take ``name`` away under its lock, if ``unmoved`` says so. Raises BlockingIOError."""
    lock = f"{name}.lock"
    try:
        os.link(staged, lock, src_dir_fd=stage, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise BlockingIOError(errno.EAGAIN, f"another git holds {lock}", name) from None
    try:
        if unmoved():
            os.unlink(name, dir_fd=folder)
    finally:
        free(stage, staged, folder, name)


def free(stage: int, staged: str, folder: int, name: str) -> None:
    """Take a lock away that is ours: another name of the staged file."""
    lock = f"{name}.lock"
    if same(stage, staged, folder, lock):
        with suppress(FileNotFoundError):
            os.unlink(lock, dir_fd=folder)


def same(stage: int, staged: str, folder: int, name: str) -> bool:
    """Whether two names are one file."""
    one, other = look(stage, staged), look(folder, name)
    return one is not None and other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
