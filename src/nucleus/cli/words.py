"""The owner's own words, from the file that ``--prompt-file`` names."""

import os
import stat
from typing import Final

from nucleus.cli import Usage

LIMIT: Final = 1 << 20
"""Bytes. A prompt is read by a model, so it is far smaller."""


def owner_words(file: str) -> str:
    """Return the text of a file, "" for no file.

    Raises Usage for one that is missing, no plain file, too large or not UTF-8.
    """
    if not file:
        return ""
    try:
        # Without waiting: a pipe in its place would hold the run up for ever.
        number = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(number, "rb") as opened:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise Usage(f"--prompt-file {file} is not a regular file")
            found = opened.read(LIMIT + 1)
    except OSError as error:
        raise Usage(f"--prompt-file {file}: {error.strerror}") from error
    if len(found) > LIMIT:
        raise Usage(f"--prompt-file {file} has more than {LIMIT} bytes")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise Usage(f"--prompt-file {file} is not UTF-8, at byte {error.start}") from error
