"""Which kernel runs: a hash over its sources, compared with the one the proofs were made for.

``kernel.sha256``, beside this module, lists each source of the kernel in the
format of sha256sum; the kernel's hash is the SHA-256 of that list. Anybody
can repeat it without this program, in ``src/``::

    sha256sum -c nucleus/gate/kernel.sha256 && sha256sum nucleus/gate/kernel.sha256

``make prove`` writes the list after every obligation was discharged for
these very bytes. Nothing is read at import.

What is not done: this finds a changed or forgotten file, not an attacker who
can write the installed package and therefore this module too.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from nucleus import kernel
from nucleus.errors import CannotEnforce

PIN: Final = Path(__file__).with_name("kernel.sha256")


def kernel_hash() -> str:
    """Return the hex SHA-256 of the kernel that is on disk. Read once a process.

    Raises ``CannotEnforce`` if the kernel's sources can't be read.
    """
    return hashlib.sha256(manifest().encode()).hexdigest()


def verify_kernel() -> str:
    """Return ``kernel_hash()``, once it is known to be the kernel that was proved.

    Privileged processes call this before their first byte of input. Raises
    ``CannotEnforce``, naming the file that differs.
    """
    try:
        pinned = PIN.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotEnforce("the pinned kernel hash can't be read", why=str(error), fix=_FIX) from error
    found = manifest()
    if found != pinned:
        differing = sorted({line.split()[-1] for line in set(found.splitlines()) ^ set(pinned.splitlines()) if line})
        names = ", ".join(differing) or PIN.name
        raise CannotEnforce("the kernel on disk is not the one that was proved", why=f"{names} differ", fix=_FIX)
    return kernel_hash()


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
