"""What a command needs of the owner's home to start: found from the owner's search path, looked up, nothing changed.

The command's place, what its links lead to, and its interpreter, each with as
little around it as will do:

a virtual environment   all of it, and the Python that it was made from
``node_modules``        the directory of packages that holds it
``PREFIX/bin/NAME``     the prefix, if it is a tool's own: at least two steps below home, and nothing in it looks
                        like a secret
anything else           the file alone

A place in the workspace shows nothing of the host's: whoever wrote the
repository would choose what is seen. The one exception is the Python of a
virtual environment there, and only if that is an installation of Python.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import Final, final

from nucleus.lean import dataclass, field
from nucleus.local.argv import proper, within
from nucleus.policy.controls import secret_looking

STEPS: Final = 8
"""Links and interpreters that are followed for one command."""
_SHEBANG: Final = re.compile(rb"#!\s*(\S+)(?:\s+(\S+))?")
_HOME_LINE: Final = re.compile(r"\s*home\s*=\s*(\S.*?)\s*")


@final
@dataclass(slots=True)
class ToolChain:
    """What has to be shown, beside what is."""

    readable: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    """Symbolic links: (target, place)."""

    def folders(self) -> list[str]:
        """Return the directories in which a search path finds what is shown."""
        single = [os.path.dirname(path) for path in self.readable if not os.path.isdir(path)]
        return [*self.readable, *single, *(os.path.dirname(place) for _, place in self.links)]


@final
class Finder:
    """Looks commands up for one box. Paths are real and absolute."""

    def __init__(self, folders: str, shown: Sequence[str], workspace: str, unseen: Sequence[str], home: str) -> None:
        """``folders`` is the owner's search path; ``unseen`` must not be shown, nor what holds it."""
        # A version manager's shim finds its versions in home, which a box does not show: what stands behind it does.
        self._folders = [one for one in folders.split(":") if proper(one) and os.path.basename(one) != "shims"]
        self._shown = tuple(shown)
        self._workspace = workspace
        self._unseen = (*unseen, home)
        self._home = home
        self.found: Final = ToolChain()

    def result(self) -> ToolChain:
        """Return what was found, without links that lie in what is shown."""
        links = [(target, place) for target, place in self.found.links if not self._visible(place)]
        return ToolChain(self.found.readable, list(dict.fromkeys(links)))

    def look(self, command: str, steps: int = STEPS) -> None:
        """Find what ``command`` needs. A word with a slash in it is a place in the workspace or the system."""
        if steps <= 0 or not command:
            return
        path = command if "/" in command else self._where(command)
        if not path or not proper(path):
            return
        self._follow(path, steps)
        real = os.path.realpath(path)
        if not os.path.exists(real):
            return  # What is not there can't be shown. That the command is missing is said in the box.
        if within(path, self._workspace) or within(real, self._workspace):
            self._python_of(os.path.dirname(os.path.dirname(path)))
            self._interpreter(real, steps, own=False)
            return
        if not self._visible(real):
            for place in self._around(path, real):
                self._show(place)
        self._interpreter(real, steps, own=True)

    def _where(self, name: str) -> str:
        for folder in self._folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return ""

    def _follow(self, path: str, steps: int) -> None:
        """Note the links that lead from a place to its file, where they are not shown anyway."""
        for _ in range(steps):
            if not os.path.islink(path) or within(path, self._workspace):
                return
            target = os.readlink(path)
            if not self._visible(path):
                self.found.links.append((target, path))
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))

    def _around(self, path: str, real: str) -> Iterator[str]:
        """Yield what has to be shown for a command: ``path`` as it was found, ``real`` its file."""
        for place in dict.fromkeys((path, real)):
            prefix = os.path.dirname(os.path.dirname(place))
            if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")) and self._own(prefix):
                self._python_of(prefix)
                yield prefix
                return
        before, sign, _ = real.partition("/node_modules/")
        packages = f"{before}/node_modules"
        prefix = os.path.dirname(os.path.dirname(real))
        in_bin = os.path.basename(os.path.dirname(real)) in {"bin", "sbin"}
        if sign and self._own(packages):
            yield packages
        elif in_bin and self._own(prefix):
            yield prefix
        else:
            yield real

    def _python_of(self, environment: str) -> None:
        """Show the Python from which a virtual environment was made, if it is one."""
        try:
            text = regular(os.path.join(environment, "pyvenv.cfg"), 4096).decode("utf-8", "replace")
        except OSError:
            return
        for hit in map(_HOME_LINE.fullmatch, text.splitlines()):
            if hit is not None and proper(hit[1]):
                prefix = os.path.dirname(os.path.realpath(hit[1]))
                if not self._visible(prefix) and self._own(prefix) and _is_python(prefix):
                    self._show(prefix)

    def _interpreter(self, real: str, steps: int, *, own: bool) -> None:
        """Look for what a script says that it is run by; of one that is not the owner's ``own`` only a plain name."""
        try:
            hit = _SHEBANG.match(regular(real, 512))
        except OSError:
            return
        if hit is None:
            return
        first, second = (os.fsdecode(word or b"") for word in hit.groups())
        name = second if os.path.basename(first) == "env" else first
        if own or "/" not in name:
            self.look(name, steps - 1)

    def _own(self, place: str) -> bool:
        """Whether a directory is some tool's own: nothing of the owner's is in it, as far as names tell."""
        if not proper(place) or place == "/" or any(within(one, place) or within(place, one) for one in self._held()):
            return False
        if within(place, self._home) and place[len(self._home) :].count("/") < 2:
            return False
        names = [*_names(place), *_names(os.path.join(place, "etc"))]
        return not any(secret_looking(name) for name in names)

    def _held(self) -> Iterator[str]:
        yield from (one for one in self._unseen if one != self._home)
        yield self._workspace

    def _visible(self, path: str) -> bool:
        return any(within(path, one) for one in (*self._shown, *self.found.readable))

    def _show(self, place: str) -> None:
        if not self._visible(place) and not any(within(one, place) for one in self._unseen):
            self.found.readable.append(place)


def regular(path: str, limit: int) -> bytes:
    """Return the beginning of a regular file: at most ``limit`` bytes. Raises OSError.

    A pipe in its place, whose reader would wait for ever, is an error.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return file.read(limit)


def _is_python(prefix: str) -> bool:
    """Whether a directory is an installation of Python: its standard library is there."""
    library = os.path.join(prefix, "lib")
    return any(
        name.startswith("python3") and os.path.isfile(os.path.join(library, name, "os.py")) for name in _names(library)
    )


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
