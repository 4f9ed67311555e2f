"""What of this machine a box shows beside the workspace: looked up, nothing changed.

An allow-list. Of ``/etc`` only what programs need to start, to name hosts and
to check certificates; no ``/var``, ``/srv``, ``/opt``, ``/home``, ``/sys``,
``/boot``. A tool chain elsewhere is shown where a directory that only the
system's owner writes has a link to its command. A link in the workspace
shows nothing: whoever wrote the repository would choose what is seen.
"""

import os
from collections.abc import Iterator
from typing import Final

from nucleus.local.argv import PATH, proper, within

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
CONFIGURATION: Final = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
)
"""Names below ``/etc``. Not ``ssl/private``, not ``gitconfig``: they can hold keys and tokens."""


def system() -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the system's directories, and its links of the root as (target, place)."""
    folders, links = [], []
    for path in SYSTEM:
        if os.path.islink(path):
            links.append((os.readlink(path), path))
        elif os.path.isdir(path):
            folders.append(path)
    return tuple(folders), tuple(links)


def configuration() -> Iterator[tuple[str, str]]:
    """Yield what of ``/etc`` is shown, as (place on the host, place in the box)."""
    for name in CONFIGURATION:
        path = f"/etc/{name}"
        real = os.path.realpath(path)
        if os.path.exists(real):
            yield real, path


def accounts(uid: int, gid: int, home: str) -> dict[str, str]:
    """Return the texts of small files that name nobody of this machine: place in the box -> text."""
    return {
        "/etc/passwd": f"agent:x:{uid}:{gid}::{home}:/bin/sh\n",
        "/etc/group": f"agent:x:{gid}:\n",
        "/etc/hosts": "127.0.0.1 localhost box\n::1 localhost box\n",
        "/etc/hostname": "box\n",
    }


def tool_chain(command: str, shown: tuple[str, ...], unseen: tuple[str, ...], folders: str = PATH) -> tuple[str, ...]:
    """Return what must be shown besides ``shown`` for a command found in ``folders``: a directory, a file or nothing.

    The command's real place decides: of ``PREFIX/bin/NAME`` the whole prefix
    is shown, unless it holds one of ``unseen``; then the file alone. A word
    with a slash in it is a place in the workspace or the system, and adds nothing.
    """
    if "/" in command:
        return ()
    for folder in folders.split(":"):
        path = os.path.join(folder, command)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return _shown(os.path.realpath(path), shown, unseen)
    return ()


def _shown(real: str, shown: tuple[str, ...], unseen: tuple[str, ...]) -> tuple[str, ...]:
    if any(within(real, one) for one in shown):
        return ()
    prefix = os.path.dirname(os.path.dirname(real))
    plain = os.path.basename(os.path.dirname(real)) in {"bin", "sbin"} and proper(prefix)
    holds = any(within(one, prefix) or within(prefix, one) for one in unseen)
    return (prefix,) if plain and prefix != "/" and not holds else (real,)


def python(executable: str, prefix: str, library: str) -> tuple[str, tuple[str, ...]]:
    """Return the real place of an interpreter, and the directories that it needs to start."""
    real = os.path.realpath(executable)
    needed = {os.path.realpath(prefix), os.path.realpath(os.path.dirname(library)), real}
    kept = sorted(path for path in needed if not any(path != other and within(path, other) for other in needed))
    folders, _ = system()
    return real, tuple(path for path in kept if not any(within(path, one) for one in folders))
