"""Which kernel runs: a hash over its sources, compared with the one the proofs were made for.

``kernel.sha256``, beside this module, lists each source of the kernel in the
format of sha256sum; the kernel's hash is the SHA-256 of that list. Anybody
can repeat it without this program, in ``src/``::

    sha256sum -c nucleus/gate/kernel.sha256 && sha256sum nucleus/gate/kernel.sha256

``make prove`` writes the list after every obligation was discharged for
these very bytes. They are looked at when this module is imported, which is
when a gate imports the kernel: what is changed on disk later is not what
runs. What was found then is raised when a principal opens, so that its client
hears the reason; a gate that imported another kernel opens nothing.

What is not done: this finds a changed or forgotten file, not an attacker who
can write the installed package and therefore this module too.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from nucleus import kernel
from nucleus.errors import CannotEnforce

PIN: Final = Path(__file__).with_name("kernel.sha256")


def kernel_hash() -> str:
    """Return the hex SHA-256 of the kernel that is on disk. Read once a process.

    Raises ``CannotEnforce`` if the kernel's sources can't be read.
    """
    return hashlib.sha256(manifest().encode()).hexdigest()


def verify_kernel() -> str:
    """Return ``kernel_hash()`` of the kernel that was on disk at import, once it is known to be the one proved.

    Raises ``CannotEnforce``, naming the file that differs.
    """
    if AT_IMPORT.what:
        raise CannotEnforce(AT_IMPORT.what, why=AT_IMPORT.why, fix=_FIX)
    return kernel_hash()


class Finding(NamedTuple):
    """What is wrong with the kernel on disk; empty if it is the one that was proved."""

    what: str = ""
    why: str = ""


def compared(pin: Path) -> Finding:
    """Return how the kernel on disk differs from the one that ``pin`` lists."""
    try:
        pinned, found = pin.read_text(encoding="ascii"), manifest()
    except (OSError, UnicodeDecodeError) as error:
        return Finding("the pinned kernel hash can't be read", str(error))
    except CannotEnforce as error:
        return Finding(error.what, error.why)
    if found == pinned:
        return Finding()
    differing = sorted({line.split()[-1] for line in set(found.splitlines()) ^ set(pinned.splitlines()) if line})
    return Finding("the kernel on disk is not the one that was proved", f"{', '.join(differing) or pin.name} differ")


@cache
def manifest() -> str:
    """Return one sha256sum line for each source of the kernel, in the order of their names."""
    folder = Path(str(kernel.__file__)).parent
    try:
        sources = sorted(folder.glob("*.py"), key=lambda path: path.name)
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  nucleus/kernel/{path.name}\n" for path in sources]
    except OSError as error:
        raise CannotEnforce("the kernel's sources can't be read", why=str(error), fix=_FIX) from error
    return "".join(lines)


_FIX: Final = "install nucleus-runtime again; in a checkout, run: make prove"
AT_IMPORT: Final = compared(PIN)
"""Taken here and now: the kernel's modules were imported by the imports above, or are about to be."""
