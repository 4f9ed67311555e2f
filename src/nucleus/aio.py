"""The SDK for asyncio: every name of ``nucleus.tools``, as a coroutine.

::

    from nucleus import aio

    async with aio.Session(profile="safe_pr_fixer"):
        readme = await aio.fs.read("README.md")

Each call runs in a thread of the default executor, in a copy of the caller's
context: the ambient session is the task's own.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, final

from nucleus import session as _session
from nucleus.tools import fs as _fs
from nucleus.tools import git as _git
from nucleus.tools import net as _net
from nucleus.tools import proc as _proc
from nucleus.tools import publish as _publish

P = ParamSpec("P")
R = TypeVar("R")


@final
class Mirror:
    """The functions of one module or object, as coroutines."""

    def __init__(self, twin: Any) -> None:
        self._twin = twin

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return the coroutine function for a public function of the same name."""
        function = None if name.startswith("_") else getattr(self._twin, name, None)
        if not callable(function) or isinstance(function, type):
            raise AttributeError(f"no function {name!r} is mirrored here")  # noqa: TRY004  what hasattr expects

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(function, *args, **kwargs)

        return call


fs: Final = Mirror(_fs)
net: Final = Mirror(_net)
git: Final = Mirror(_git)
proc: Final = Mirror(_proc)
publish: Final = Mirror(_publish)


async def approve(what: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Await ``session.approve`` of a plain or a mirrored function; other tasks go on while a person thinks."""
    function = getattr(function, "__wrapped__", function)
    return await asyncio.to_thread(_session.approve, what, function, *args, **kwargs)


@final
class Session:
    """``nucleus.Session`` for ``async with``. Takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = args, kwargs
        self._session: _session.Session | None = None

    async def __aenter__(self) -> Self:
        args, kwargs = self._arguments
        self._session = await asyncio.to_thread(_session.Session, *args, **kwargs)
        self._session.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = self._held()
        held.__exit__(kind, error, trace)

    @property
    def fs(self) -> Mirror:
        """The mirrored file tools of this session."""
        return Mirror(self._held().fs)

    @property
    def net(self) -> Mirror:
        """The mirrored network tools of this session."""
        return Mirror(self._held().net)

    @property
    def git(self) -> Mirror:
        """The mirrored git tools of this session."""
        return Mirror(self._held().git)

    @property
    def proc(self) -> Mirror:
        """The mirrored command tools of this session."""
        return Mirror(self._held().proc)

    @property
    def publish(self) -> Mirror:
        """The mirrored publishing tools of this session."""
        return Mirror(self._held().publish)

    @property
    def plain(self) -> _session.Session:
        """The session itself: exposure, budget, trace, children."""
        return self._held()

    def _held(self) -> _session.Session:
        if self._session is None:
            raise RuntimeError("use it as: async with aio.Session(...) as s:")
        return self._session
