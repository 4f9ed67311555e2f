"""Landlock rulesets: described, and enforced on the calling thread.

What a ruleset handles is refused but where a rule allows it. Which accesses
can be handled depends on the kernel's ABI; ``handled`` gives all that an ABI
has, and ``abi`` finds the ABI by asking the kernel for it, not by its version.

Not seen by Landlock at all: stat, chmod, chown, utime, xattr, chdir, fcntl,
ioctl on what is already open, UDP, connecting to a path socket, ptrace of a
process in the same domain. Never alone as containment. Source: the kernel's
``Documentation/userspace-api/landlock.rst`` and ``linux/landlock.h``.
"""

import os
import stat
import struct
from collections.abc import Sequence
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass

NEWEST: Final = 7
"""The last ABI this module knows; a newer kernel is used as this one."""

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15
ON_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""Accesses that make sense of a file; a rule on a file with any other is refused by the kernel."""
_FILE_ACCESS: Final = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
_NETWORK_ACCESS: Final = {4: 0b11}
"""Bind and connect of TCP."""
_SCOPES: Final = {6: 0b11}
"""Abstract sockets and signals to processes outside of the domain."""
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1


@final
@dataclass(frozen=True, slots=True)
class PathRule:
    """Everything beneath ``path`` (or ``path`` itself) may be accessed as ``access`` says."""

    path: str
    access: int


@final
@dataclass(frozen=True, slots=True)
class Ruleset:
    """Accesses that are refused, but where a rule allows them."""

    abi: int
    """What it was made for; a kernel of this ABI or a newer one can enforce it."""
    files: int
    network: int
    scopes: int
    rules: tuple[PathRule, ...] = ()

    def attributes(self) -> bytes:
        """Return the ``struct landlock_ruleset_attr``, as short as its fields allow: old kernels take only that."""
        fields = [self.files, self.network, self.scopes]
        while len(fields) > 1 and fields[-1] == 0:
            fields.pop()
        return struct.pack(f"<{len(fields)}Q", *fields)


def handled(abi_version: int, rules: Sequence[PathRule] = ()) -> Ruleset:
    """Return the ruleset that refuses all that this ABI can refuse, but for ``rules``. Raises ValueError."""
    if abi_version < 1:
        raise ValueError(f"no Landlock ABI: {abi_version}")

    def through(table: dict[int, int]) -> int:
        bits = 0
        for since, some in table.items():
            bits |= some if since <= abi_version else 0
        return bits

    return Ruleset(abi_version, through(_FILE_ACCESS), through(_NETWORK_ACCESS), through(_SCOPES), tuple(rules))


def abi() -> int:
    """Return the newest ABI that this kernel and this module both have, at least 1. Raises CannotEnforce."""
    from nucleus.seal import native

    try:
        version = native.syscall(native.LANDLOCK_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError as error:
        raise CannotEnforce(
            "Landlock is missing",
            why=str(error),
            fix="use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK=y and landlock in the lsm= boot parameter; "
            "in a container, allow landlock_create_ruleset(2) in its seccomp profile",
        ) from error
    return min(version, NEWEST)


def enforce(ruleset: Ruleset) -> None:
    """Restrict the calling thread, and all that it starts later, for good.

    ``no_new_privileges`` must have been set. Other threads that already run
    are not restricted. Raises CannotEnforce; after that nothing was restricted.
    """
    from nucleus.seal import native

    try:
        attributes = ruleset.attributes()
        descriptor = native.syscall(native.LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
        try:
            for rule in ruleset.rules:
                _add(descriptor, rule, ruleset.files)
            native.syscall(native.LANDLOCK_RESTRICT_SELF, descriptor, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CannotEnforce(
            "a Landlock ruleset can't be enforced",
            why=str(error),
            fix="at most 16 rulesets can be stacked on one process; start a fresh one",
        ) from error


def _add(ruleset: int, rule: PathRule, files: int) -> None:
    """Add one rule. Raises OSError."""
    from nucleus.seal import native

    place = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
    try:
        access = rule.access & files
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= ON_FILES
        native.syscall(native.LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", access, place), 0)
    finally:
        os.close(place)
