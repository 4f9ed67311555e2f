"""How a privileged process starts: ``python -I -S -B privileged.py ROLE FD``.

Run by absolute path, never imported by a privileged process. At this point
the path list holds the standard library and nothing else: ``-I`` drops the
working directory and PYTHON*, ``-S`` drops site-packages with its ``.pth``
files. Here the folder that this very file was installed in is appended, and
the one that holds ``cryptography``; both stand *after* the standard library,
so that a planted ``json.py`` is never found first.

Then everything is imported, imports are frozen, the process makes itself
unreadable, and only then the first byte of a connection is read.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from nucleus.mcp.mediate import Box

LAZY = ("atexit", "ctypes", "datetime", "difflib", "fcntl", "hashlib", "pwd", "resource", "shlex", "time")
"""What rooms below the gate import inside of functions (tests/test_privileged.py finds a new one), and
what their standard library does: ``weakref.finalize`` imports atexit."""


MEDIATOR_LAZY = ("atexit", "ctypes", "difflib", "fcntl", "hashlib", "pwd", "resource", "time")
"""The same of the rooms that a mediator uses: it writes no trace."""


def complete_path(here: str) -> None:
    """Append the folder of the package and that of its one dependency to the path list."""
    import os.path

    package_parent = os.path.dirname(os.path.dirname(os.path.realpath(here)))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    candidates = [
        package_parent,
        os.path.join(prefix, "lib", version, "site-packages"),
        os.path.join(sys.base_prefix, "lib", version, "site-packages"),
        os.path.join(sys.base_prefix, "local", "lib", version, "dist-packages"),
        "/usr/local/lib/" + version + "/dist-packages",
        "/usr/lib/python3/dist-packages",
    ]
    sys.path.append(package_parent)
    for folder in candidates:
        if os.path.isfile(os.path.join(folder, "cryptography", "__init__.py")):
            if folder not in sys.path:
                sys.path.append(folder)
            break


EGRESS_LAZY = ("_ctypes", "concurrent.futures.thread", "ctypes", "pwd", "resource")
"""The same of the egress process: asyncio finds its threads when it first resolves a name."""


RESOLVING = (
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/nix/store",
)
"""What looking a name up and checking a certificate reads."""


def confined() -> bool:
    """Give up all files but what name look-ups and certificates need, and every program; whether that could be done.

    The egress process reads what a box and the network wrote. Landlock is its second wall, not its first: where
    the kernel has none it goes on without, and says so to the supervisor.
    """
    import os.path
    from contextlib import suppress

    from nucleus.errors import CannotEnforce
    from nucleus.seal import landlock, native
    from nucleus.tools.perform.exchange import authorities

    places = {*RESOLVING}
    with suppress(FileNotFoundError):
        places.add(os.path.dirname(os.path.realpath(authorities())))
    reading = landlock.READ_FILE | landlock.READ_DIR
    rules = tuple(landlock.PathRule(place, reading) for place in sorted(places) if os.path.isdir(place))
    try:
        known = landlock.handled(landlock.abi())
        native.no_new_privileges()
        # Not the network: connecting is what this process is for.
        landlock.enforce(landlock.Ruleset(known.abi, known.files, 0, known.scopes, rules))
    except CannotEnforce:
        return False
    return True


def egress(descriptor: int, network: dict[str, object]) -> int:
    """Become the way out of a box. ``network``: a resolver's table and a CA, from a constructor of a test only."""
    from functools import partial

    from nucleus.egress.link import Wire
    from nucleus.egress.serve import Parts, serve
    from nucleus.gate.connection import refusal
    from nucleus.gate.protocol import Splitter, encode
    from nucleus.seal import landlock, native  # noqa: F401  used by ``confined``, after imports are frozen
    from nucleus.tools.perform.exchange import trust
    from nucleus.tools.perform.resolve import StaticResolver, SystemResolver, inside

    table, authority = network.get("addresses"), network.get("authority")
    parts = Parts(
        Wire(encode, Splitter, refusal),
        StaticResolver({n: (w[0], w[1]) for n, w in table.items()}) if isinstance(table, dict) else SystemResolver(),
        SystemResolver(accepts=inside),
        partial(trust, authority.encode("ascii") if isinstance(authority, str) else None),
    )
    close(EGRESS_LAZY)
    return serve(descriptor, parts, confined=confined())


HOOKS_LAZY = ("nucleus.audit.read.json_reader", "nucleus.audit.read.toml_reader", "tomllib")
"""The same of the process that hooks ask, which looks at its client's files."""


def hooks(descriptor: int) -> int:
    """Become what the hooks of one client ask, for the session that the memory file ``descriptor`` describes."""
    import os
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from nucleus.clients.behind import behind
    from nucleus.clients.program import program
    from nucleus.mcp.hookhost import serve
    from nucleus.mcp.hooktools import calls_of
    from nucleus.policy.call import Call
    from nucleus.policy.place import home_directory

    us, home, since = program(), Path(home_directory()), os.fstat(descriptor).st_ctime

    def translate(client: str, event: Mapping[str, Any]) -> tuple[Call, ...]:
        return calls_of(client, event, lambda name, line: behind(client, name, line, event, us, home, since))

    close([*LAZY, *HOOKS_LAZY])
    return serve(descriptor, translate)


def boxes() -> "Box":
    """Return what starts a mediated server in a box of its own."""
    from nucleus.local.served import Boxed, Order
    from nucleus.mcp.mediate import Task, say

    # The path list is kept: once imports are frozen, nothing tells any more where packages were installed.
    places = tuple(sys.path)

    def box(task: Task, veil: list[list[str]], opened: "Mapping[str, Any]") -> Boxed:
        known = [str(opened[name]) for name in ("profile", "principal", "trace")]
        where = (str(task.state), task.workspace)
        return Boxed(Order(*where, task.command, task.environment, tuple(map(tuple, veil)), *known), say, places)

    return box


def close(late: "Sequence[str]", *, names: bool = True) -> None:
    """Be unreadable, import what would be imported late, and from here on look at no file for code.

    ``names``: whether this process names hosts or reads dates.
    """
    import gc

    from nucleus.gate.hardening import LATE, REPORTING, freeze_imports, not_dumpable

    not_dumpable()
    freeze_imports([*(LATE if names else REPORTING), *late])
    gc.freeze()
    gc.enable()


def hash_alone() -> None:
    """Have ``hashlib`` use the interpreter's own SHA-2 where it has one: for a few digests, OpenSSL would be 3.7 MB.

    What the process uses of TLS is not touched by that.
    """
    from importlib.machinery import PathFinder

    if any(name in sys.builtin_module_names or PathFinder.find_spec(name) for name in ("_sha256", "_sha2")):
        nothing: Any = None
        sys.modules.setdefault("_hashlib", nothing)  # "import" then says that there is none


def main(words: list[str]) -> int:
    """Become what ``words`` name: gate, mediator, servers, hooks or egress, each with a FD, or worker CLASS FD."""
    if words[0] == "gate":
        from nucleus.gate.board import Settings
        from nucleus.gate.server import serve

        close(LAZY, names=False)
        return serve(int(words[1]), Settings())
    if words[0] in {"mediator", "servers"}:
        hash_alone()
    if words[0] == "mediator":
        from nucleus.mcp.mediate import mediate

        # Once imports are frozen, it is too late for what only some mediators need.
        if "url" in words:
            import nucleus.mcp.bridge
        if "listen" in words:
            import nucleus.mcp.listening
        box = boxes() if "contain" in words else None
        close(MEDIATOR_LAZY)
        return mediate(int(words[1]), box)
    if words[0] == "servers":
        import nucleus.mcp.bridge  # noqa: F401  likewise
        from nucleus.mcp.behind import serve as serve_box

        close(MEDIATOR_LAZY)
        return serve_box(int(words[1]))
    if words[0] == "hooks":
        return hooks(int(words[1]))
    if words[0] == "egress":
        return egress(int(words[1]), {})
    from nucleus.tools.worker import maker, work

    if words[1] == "proc":
        from functools import partial

        from nucleus.local.ns import NsBox

        # The path list is kept: once imports are frozen, nothing tells any more where packages were installed.
        make = maker(words[1], partial(NsBox, path_list=tuple(sys.path)))
    else:
        make = maker(words[1])
    close(LAZY)
    return work(make, int(words[2]))


def leave(status: int) -> None:
    """End this process without taking the interpreter apart: the kernel closes what is open, at once."""
    import os

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    import gc

    # What is imported stays: to look for garbage among it, again and again, is a tenth of the start.
    gc.disable()
    complete_path(__file__)
    leave(main(sys.argv[1:]))
