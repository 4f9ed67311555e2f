"""Ed25519 keys from files: PEM, as ``openssl genpkey -algorithm ed25519`` writes them.

A private key is read only from a regular file of this user's that nobody else
can read; never from an argument or a variable, which other processes see.
"""

import os
import stat
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from nucleus.errors import CannotEnforce

FILE_LIMIT: Final = 4096
"""Bytes of a key file; a PEM of Ed25519 has about 120."""


def read_private(path: str) -> Ed25519PrivateKey:
    """Return the private key in a file. Raises ``CannotEnforce``; the key is in no message."""
    content, info = _read(path)
    if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
        raise CannotEnforce(f"{path} is not used as a key", why="others can read it", fix=f"chmod 600 {path}")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return key


def read_public(path: str) -> bytes:
    """Return the 32 bytes of the public key in a file. Raises ``CannotEnforce``."""
    content, _ = _read(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return public_bytes(key)


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read(path: str) -> tuple[bytes, os.stat_result]:
    # Not blocking: a pipe in the place of a key would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_size > FILE_LIMIT:
            raise CannotEnforce(
                f"{path} is not used as a key", why="it is no small regular file", fix="name a PEM file"
            )
        return file.read(FILE_LIMIT), info


def _no_key(path: str, kind: str) -> CannotEnforce:
    half = "" if kind == "private" else " -pubout"
    made = "openssl genpkey -algorithm ed25519 -out" if kind == "private" else f"openssl pkey -in KEY{half} -out"
    return CannotEnforce(f"{path} holds no Ed25519 {kind} key", why="PEM was expected", fix=f"{made} {path}")
