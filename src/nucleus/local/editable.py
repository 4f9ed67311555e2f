"""Which directories a virtual environment takes packages from that do not lie in it: editable installations.

A box shows the environment of the command that it runs, and not these: they
are projects of the owner's own, and a box shows one project. So that nobody
has to guess why an import fails, they are named at the start, with the option
that lets them in. Read as data: nothing of the environment is run.
Source: the documentation of Python's ``site`` (path configuration files), and
what setuptools writes for an editable installation (``__editable___*_finder.py``).
"""

import os
import re
from collections.abc import Iterator
from typing import Final

from nucleus.local.argv import proper, within
from nucleus.local.toolchain import regular

FILES: Final = 256
"""Path configuration files that are read."""
LIMIT: Final = 1 << 16
"""Bytes of each."""
_MAPPING: Final = re.compile(r"^MAPPING\b[^=\n]*=\s*(\{.*\})\s*$", re.MULTILINE)


def sources(environment: str) -> list[str]:
    """Return the directories outside of an environment from which it imports, sorted; none for what is no environment.

    What can't be read, and what is not there any more, is left out.
    """
    real = os.path.realpath(environment)
    found = {
        os.path.realpath(place)
        for packages in _packages(environment)
        for place in _named(packages)
        if proper(place) and os.path.isdir(place)
    }
    return sorted(place for place in found if not within(place, real))


def _packages(environment: str) -> Iterator[str]:
    if not os.path.isfile(os.path.join(environment, "pyvenv.cfg")):
        return
    library = os.path.join(environment, "lib")
    for name in _names(library):
        if name.startswith("python3"):
            yield os.path.join(library, name, "site-packages")


def _named(packages: str) -> Iterator[str]:
    """Yield each place that a path configuration file, or a finder beside it, names."""
    names = _names(packages)
    for name in [name for name in names if name.endswith(".pth")][:FILES]:
        for line in _text(packages, name).splitlines():
            # A line that begins so is run by Python; it names a finder, which is read below.
            if not line.startswith(("import ", "import\t", "#")):
                yield line.rstrip()
    for name in [name for name in names if name.startswith("__editable__") and name.endswith("finder.py")][:FILES]:
        yield from _mapped(_text(packages, name))


def _mapped(finder: str) -> Iterator[str]:
    """Yield the directory of each package that a finder maps: whoever imports it needs that alone."""
    from ast import literal_eval  # dear to import, and seldom needed

    for hit in _MAPPING.findall(finder):
        try:
            mapping = literal_eval(hit)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(mapping, dict):
            yield from (place for place in mapping.values() if isinstance(place, str))


def _text(folder: str, name: str) -> str:
    try:
        return regular(os.path.join(folder, name), LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
