"""The AppArmor profile that lets one bubblewrap make user namespaces, and nothing else.

Ubuntu (23.10 and later) and others keep unprivileged user namespaces for
programs that have a profile. The profile here gives exactly that right to
exactly one path. It gives it to whatever stands at that path: where somebody
else than root can write the file, so can what runs as them, and ``writable``
says so before anything is installed. Source: apparmor.d(5), the sysctl
``kernel.apparmor_restrict_unprivileged_userns``.
"""

import os
import stat
import subprocess
from typing import Final, final

from nucleus.errors import CannotEnforce

NAME: Final = "nucleus-bwrap"
FOLDER: Final = "etc/apparmor.d"
SWITCH: Final = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
"""1 where a program without a profile gets no rights in a user namespace."""
_SPECIAL: Final = '\\*?[]{}^"'
"""What means something else than itself in a path of a profile."""
_SECONDS: Final = 60


def profile(bubblewrap: str) -> str:
    """Return the text of the profile. Raises ValueError for a path that can't stand in one."""
    if not bubblewrap.startswith("/") or not bubblewrap.isprintable() or ".." in bubblewrap.split("/"):
        raise ValueError(f"not a plain, absolute path: {bubblewrap!r}")
    place = "".join("\\" + letter if letter in _SPECIAL else letter for letter in bubblewrap)
    return (
        f"# Lets one program make user namespaces: {NAME}, installed by `nucleus doctor --fix`.\n"
        "# To take it back: apparmor_parser -R this file, then remove it.\n"
        "abi <abi/4.0>,\n"
        "\n"
        f'profile {NAME} "{place}" flags=(unconfined) {{\n'
        "  userns,\n"
        "}\n"
    )


def by_hand(bubblewrap: str) -> str:
    """Return the command that a person types to do the same. Raises ValueError as ``profile`` does."""
    quoted = profile(bubblewrap).split("\n", 2)[2].replace("'", "'\\''")
    place = f"/{FOLDER}/{NAME}"
    return f"as root: printf '%s' '{' '.join(quoted.split())}' > {place} && apparmor_parser -r {place}"


def writable(bubblewrap: str) -> str:
    """Return which place on the way to the program others than root can change, "" if there is none. Raises OSError."""
    place = os.path.realpath(bubblewrap)
    while True:
        found = os.stat(place)
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_uid != 0 or (found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky):
            return place
        if place == "/":
            return ""
        place = os.path.dirname(place)


@final
class Installer:
    """Puts the profile where AppArmor reads it, and loads it. ``root`` is / but for tests."""

    def __init__(self, root: str = "/", parser: str = "/usr/sbin/apparmor_parser") -> None:
        self._folder = os.path.join(root, FOLDER)
        self._place = os.path.join(self._folder, NAME)
        self._parser = parser

    @property
    def place(self) -> str:
        """The file that ``install`` writes."""
        return self._place

    def install(self, bubblewrap: str) -> None:
        """Write the profile and load it. Raises CannotEnforce; then the file is as it was before.

        A file that is there is replaced only if it is ours: its first line says so.
        """
        text = profile(bubblewrap)
        before = self._before(text.split("\n", 1)[0])
        try:
            self._write(text)
        except OSError as error:
            raise CannotEnforce(
                f"{self._place} can't be written", why=str(error.strerror), fix=by_hand(bubblewrap)
            ) from error
        why = self._load()
        if why:
            self._restore(before)
            raise CannotEnforce(
                "the AppArmor profile can't be loaded",
                why=why,
                fix="install AppArmor 4.0 or newer",
            )

    def _before(self, mark: str) -> str | None:
        """Return what stands there, None for nothing. Raises CannotEnforce if it is somebody else's."""
        try:
            with open(self._place, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            if os.path.isdir(self._folder):
                return None
            raise CannotEnforce(
                "AppArmor is not installed", why=f"there is no {self._folder}", fix="apt install apparmor"
            ) from None
        if not text.startswith(mark):
            raise CannotEnforce(
                f"{self._place} is not ours", why="it was written by somebody else", fix="move it away, then try again"
            )
        return text

    def _load(self) -> str:
        """Return why the kernel does not take the profile, "" if it does."""
        try:
            done = subprocess.run(
                [self._parser, "-r", self._place],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                env={},
                cwd="/",
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        said = done.stderr.decode("utf-8", "backslashreplace").strip()
        return "" if done.returncode == 0 else said or f"{self._parser} ended with status {done.returncode}"

    def _restore(self, before: str | None) -> None:
        if before is None:
            os.unlink(self._place)
        else:
            self._write(before)

    def _write(self, text: str) -> None:
        """Replace the file as a whole. Raises OSError; then it is as it was."""
        fresh = f"{self._place}.new"
        try:
            with open(fresh, "w", encoding="utf-8", opener=_plain) as file:
                file.write(text)
            os.replace(fresh, self._place)
        except OSError:
            if os.path.lexists(fresh):
                os.unlink(fresh)
            raise


def _plain(path: str, flags: int) -> int:
    """Open a new file that everybody may read; never through a link that was planted."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
