"""What a box shows of this machine, with which bubblewrap and interpreter: looked up once for all boxes."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.hardening import home_of
from nucleus.local import bwrap, host
from nucleus.local.argv import Copy, View, within
from nucleus.local.bwrap import Bubblewrap
from nucleus.local.started import SHOWN_AS

INSIDE: Final = str(Path(__file__).with_name("inside.py"))


@final
class Views:
    """Makes the view of each box."""

    def __init__(
        self,
        state: str,
        *,
        readable: Sequence[str] = (),
        named: Sequence[str] = (),
        links: Sequence[tuple[str, str]] = (),
        copies: Sequence[Copy] = (),
        variables: Mapping[str, str] | None = None,
        path_list: Sequence[str] | None = None,
        executable: str = "",
    ) -> None:
        """Look for an interpreter; start nothing. The arguments are those of ``NsBox``.

        ``named``: what a person lets be read besides: whatever listens in these directories is not reached.
        Raises CannotEnforce for one that is not there, or is neither a file nor a directory: whoever is behind it
        would be reached.
        """
        self.state: Final = os.path.realpath(state)
        owner_s = [os.path.realpath(path) for path in named]
        absent = [path for path in owner_s if not os.path.exists(path)]
        if absent:
            raise CannotEnforce(
                f"{absent[0]} can't be let in", why="it is not there, or can't be seen", fix="name a path that is there"
            )
        odd = [path for path in owner_s if not (os.path.isdir(path) or os.path.isfile(path))]
        if odd:
            raise CannotEnforce(
                f"{odd[0]} can't be let in",
                why="it is a socket, a pipe or a device: read-only keeps nobody from using it",
                fix="name a file or a directory; a port of yours: --allow-local-port",
            )
        self._readable = (*owner_s, *(os.path.realpath(path) for path in readable))
        self._still = tuple(path for path in owner_s if os.path.isdir(path))
        self._links = tuple(links)
        self._copies = tuple(copies)
        self._variables = tuple((variables or {}).items())
        self._path_list = tuple(sys.path) if path_list is None else tuple(path_list)
        base = executable or getattr(sys, "_base_executable", "") or sys.executable
        prefix = sys.base_prefix if not executable else os.path.dirname(os.path.dirname(os.path.realpath(executable)))
        library = os.__file__ if not executable else os.path.realpath(executable)
        self.python, self._python_needs = host.python(base, prefix, library)
        self._bubblewrap: Bubblewrap | None = None

    def found(self) -> Bubblewrap:
        """Return the bubblewrap that is used. Raises CannotEnforce."""
        if self._bubblewrap is None:
            self._bubblewrap = bwrap.find(self._path_list)
        return self._bubblewrap

    def view(self, folder: str, workspace: str, cwd: str, command: str, state: str = "") -> View:
        """Return what a box with its layers in ``folder`` will show.

        Raises CannotEnforce for a workspace that can't be shown safely.
        """
        home = home_of(os.getuid())
        home = "/home/agent" if home == "/" else os.path.realpath(home)
        folders, links = host.system()
        tools = host.tool_chain(command, (*folders, *self._readable), (home, workspace, self.state))
        if within(self.found().path, workspace):
            raise CannotEnforce(
                f"{self.found().path} lies inside the workspace",
                why="the agent could replace what makes the box",
                fix="install nucleus-runtime outside of it",
            )
        nothing = os.path.join(folder, "nothing")
        if self._still:
            os.makedirs(nothing, mode=0o700, exist_ok=True)
        try:
            return View(
                workspace=workspace,
                home=home,
                state=state or self.state,
                upper=os.path.join(folder, "upper"),
                work=os.path.join(folder, "work"),
                masks=os.path.join(folder, "masks"),
                system=folders,
                links=links,
                readable=tuple(dict.fromkeys((*self._readable, *self._python_needs, *tools))),
                still=self._still,
                nothing=nothing,
                tool_links=self._links,
                copies=self._copies,
                files=(*host.configuration(), (INSIDE, SHOWN_AS)),
                variables=self._variables,
                cwd=cwd,
            )
        except ValueError as error:
            raise CannotEnforce(
                "no box can be made for this workspace", why=str(error), fix="use the directory of one project"
            ) from error
