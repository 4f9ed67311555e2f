"""A server in a box of its own: pipes for its messages, no network, a copy of the workspace.

What it writes stays in layers over the workspace, like the changes of any
run: if there are any when it ends, they wait for ``nucleus diff`` and
``nucleus apply``. What it gets of the host is the workspace without what the
owner's policy hides, the system, its own tool chain, and files that its
command names.
"""

import os
import select
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, final

from nucleus.gate.hardening import home_of
from nucleus.lean import dataclass
from nucleus.local import host, layers
from nucleus.local.environment import search_path
from nucleus.local.live import Living, Wish, hide
from nucleus.local.quotas import default_limits, group
from nucleus.local.run_folder import RunFolder
from nucleus.local.started import Live
from nucleus.local.toolchain import Finder
from nucleus.local.views import Views

OWN: Final = frozenset(("HOME", "PATH", "XDG_RUNTIME_DIR", "TMPDIR"))
"""Variables that a box sets itself."""


@final
@dataclass(frozen=True, slots=True)
class Order:
    """What is to be served, and what its box is derived from."""

    state: str
    workspace: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    veil: tuple[tuple[str, ...], ...]
    """Patterns of what the policy hides; after them, sets of patterns outside of which everything is hidden."""
    profile: str
    principal: str
    trace: str


@final
class Boxed:
    """One server in its box. ``ends`` are descriptors to read from and to write to."""

    def __init__(self, order: Order, say: Callable[[str], None], path_list: Sequence[str] | None = None) -> None:
        """Make the box and start the server. Raises CannotEnforce, OSError; then nothing of it has run.

        ``path_list`` is where installed packages are, for a process whose path list is gone by now.
        """
        self._say, self._order = say, order
        self._folder = RunFolder(order.state)
        self._group = None
        descriptors: list[int] = []
        try:
            views, wish = self._planned(order, path_list)
            theirs_in, ours_in = os.pipe2(os.O_CLOEXEC)
            ours_out, theirs_out = os.pipe2(os.O_CLOEXEC)
            descriptors += [theirs_in, ours_in, ours_out, theirs_out]
            limits = default_limits()
            self._group = group(self._folder.id, limits)
            data = 0 if self._group else limits.memory
            live = Live((theirs_in, theirs_out, 2), processes=limits.processes, data_bytes=data)
            self._living = Living(views, self._folder.path, wish, live)
        except BaseException:
            for number in descriptors:
                os.close(number)
            self._release()
            raise
        os.close(theirs_in)
        os.close(theirs_out)
        self.ends: Final = (ours_out, ours_in)
        self._begin(wish)

    def end(self, seconds: float) -> int:
        """End the server: its input ends, then, after ``seconds``, everything in its box. Return its status."""
        ours_out, ours_in = self.ends
        os.close(ours_in)
        select.select([self._living.ended], [], [], seconds)
        status = self._living.end()
        os.close(ours_out)
        found, _ = layers.changes(self._order.workspace, os.path.join(self._folder.path, "upper"), 1)
        self._folder.end(status)
        self._release()
        if found:
            self._say(f"the server's changes are held: nucleus diff {self._folder.id}; nucleus apply {self._folder.id}")
        else:
            self._folder.discard()
        return status

    def _begin(self, wish: Wish) -> None:
        """Write down what runs, durably, before it does; then let it."""
        try:
            if self._group is not None:
                self._living.join(self._group)
            self._folder.begin(self._order.workspace, self._order.profile, wish.argv, wish.hidden)
            self._folder.note({"principal": self._order.principal, "trace": self._order.trace})
            self._living.go()
        except BaseException:
            self._living.end()
            for number in self.ends:
                os.close(number)
            self._release()
            raise

    def _release(self) -> None:
        with suppress(OSError):
            if self._group is not None:
                self._group.close()
        self._folder.release()

    def _planned(self, order: Order, path_list: Sequence[str] | None) -> tuple[Views, Wish]:
        """Hide what is to be hidden, and return what the box shows and what is to run in it."""
        hidden = hide(order.workspace, self._folder.path, order.veil[0], order.veil[1:])
        system, _ = host.system()
        path = order.environment.get("PATH", "")
        finder = Finder(path, tuple(system), order.workspace, (order.state,), home_of(os.getuid()))
        finder.look(order.command[0])
        for word in order.command[1:]:
            # A script that the owner's command names. A directory is not let in by being named.
            if os.path.isfile(word):
                finder.look(os.path.realpath(word))
        tools = finder.result()
        shown = (*system, order.workspace, *tools.folders())
        kept = {name: value for name, value in order.environment.items() if name not in OWN}
        variables = {**kept, "PATH": search_path(path, shown)}
        views = Views(order.state, readable=tools.readable, links=tools.links, variables=variables, path_list=path_list)
        return views, Wish(order.workspace, order.command, ".", tuple(hidden))
