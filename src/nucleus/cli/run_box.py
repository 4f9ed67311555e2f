"""The box of one ``nucleus run``: what it shows, hides and bounds, put together from the owner's choices."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.hardening import home_of
from nucleus.gate.remotes import remotes_of
from nucleus.local import host, storage
from nucleus.local.agent import Agent
from nucleus.local.argv import Copy, within
from nucleus.local.editable import sources
from nucleus.local.environment import environment, search_path
from nucleus.local.ground import Others
from nucleus.local.live import Living, Wish, hide, is_folder
from nucleus.local.network import DOOR_VARIABLES, proxy_variables
from nucleus.local.quotas import Group, default_limits, group
from nucleus.local.run_folder import RunFolder
from nucleus.local.started import Live
from nucleus.local.streams import Streams
from nucleus.local.toolchain import Finder
from nucleus.local.views import Views
from nucleus.policy.routes import environment_for
from nucleus.policy.worktree import Linked, linked
from nucleus.tools.perform.identity import identity_of, settings

INTERPRETERS: Final = ("python3", "python", "node", "ruby", "java", "go")
"""What a shell, a Makefile or an agent runs next: found like the command itself, an active virtual environment too."""


LOOK_SECONDS: Final = 0.1
"""How long a large workspace is looked at for files of others when all else is ready."""


@final
class RunBox:
    """One box that is made, and what is known of it: its bounds, and where the workspace's repository lies."""

    def __init__(
        self, args: argparse.Namespace, workspace: str, state: str, agent: Agent, say: Callable[[str], None]
    ) -> None:
        self._args = args
        self._workspace = workspace
        self._state = state
        self._agent = agent
        self._say = say
        self._home = os.path.realpath(home_of(os.getuid()))
        self._others: Others | None = None
        self.limits = default_limits()
        self.group: Group | None = None
        self.linked: Linked | None = None
        """Set where the workspace is a linked worktree and the box shows its repository."""

    def wish(self, folder: str, veil: list[list[str]]) -> Wish:
        """Hide what is to be hidden, and return what is to run."""
        hidden = hide(self._workspace, folder, veil[0], veil[1:])
        cwd = os.path.relpath(os.path.realpath("."), self._workspace)
        if cwd.startswith("..") or not is_folder(self._workspace, cwd, hidden):
            cwd = "."
        return Wish(self._workspace, self._agent.argv, cwd, tuple(hidden))

    def make(self, folder: RunFolder, wish: Wish, streams: Streams) -> Living:
        """Make the box; return it when its self-test has passed and nothing of the command has run."""
        self._others = Others(self._workspace, wish.hidden)
        views = self._views(folder, wish.argv[0])
        limits, agent = self.limits, self._agent
        self.group = group(folder.id, limits)
        data = 0 if self.group else limits.memory
        live = Live(
            streams.given(),
            streams.terminal,
            tuple(agent.texts),
            tuple(agent.copied),
            processes=limits.processes,
            data_bytes=data,
            file_bytes=limits.upper,
        )
        try:
            living = Living(views, folder.path, wish, live)
        finally:
            streams.hand_over()
        if self.group is not None:
            living.join(self.group)
        return living

    def tell_others(self) -> None:
        """Name what belongs to others in the workspace, as far as it was looked at while the box was made."""
        line = self._others.told(LOOK_SECONDS) if self._others is not None else ""
        if line:
            self._say(line)

    def close(self) -> None:
        """Take the control group away. Everything in it is dead."""
        if self.group is not None:
            self.group.close()

    def _views(self, folder: RunFolder, command: str) -> Views:
        named = [os.path.realpath(path) for path in self._args.allow_read]
        path = os.environ.get("PATH", "")
        system, _ = host.system()
        finder = Finder(path, (*system, *named), self._workspace, (self._state,), self._home)
        finder.look(command)
        own = tuple(finder.found.readable)
        for name in INTERPRETERS:
            finder.look(name)
        tools = finder.result()
        shown = (*system, *named, self._workspace, *tools.folders())
        self._tell_sources(own, shown)
        found = environment(os.environ, self._args.allow_env, search_path(path, shown))
        routes = environment_for(remotes_of(self._workspace).urls)
        identity = identity_of(self._workspace, self._home)
        variables = settings({**found.variables, **proxy_variables(), **routes}, identity)
        variables |= {**DOOR_VARIABLES, **self._agent.variables}
        of_tools: dict[str, Any] = {"readable": tools.readable, "links": tools.links}
        copies = (*self._agent.copies, *self._storage(folder))
        return Views(self._state, named=named, copies=copies, variables=variables, **of_tools)

    def _storage(self, folder: RunFolder) -> list[Copy]:
        """Return how the repository of a linked worktree is shown; say why where it is not."""
        found = linked(self._workspace)
        if found is None:
            if os.path.isfile(os.path.join(self._workspace, ".git")):
                self._say(
                    "git will find no repository in the box: .git names one that does not name this worktree back"
                )
            return []
        try:
            copy = storage.shown(found, folder.path, (self._workspace, self._home, self._state))
        except CannotEnforce as error:
            self._say(f"git will find no repository in the box: {error.why}")
            return []
        self.linked = found
        return [copy]

    def _tell_sources(self, environments: Sequence[str], shown: Sequence[str]) -> None:
        """Name the projects that the command's environment imports from, and that the box does not show."""
        for one in environments:
            for place in sources(one):
                if not any(within(place, each) for each in shown):
                    what = f"packages of {one} lie in {place}, which is not shown"
                    self._say(f"{what}; to let it in: --allow-read {place}")
