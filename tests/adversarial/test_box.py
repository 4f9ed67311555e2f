"""A hostile program in a box: each way out is tried, judged outside, and shown to work without the box.

Marks are random and exist on the host only. A way has worked if its mark came
out: in what the program printed, at a listener, or in a file of the host.
"""

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Limits, Permit
from nucleus.local import bwrap, views
from nucleus.local.ns import NsBox
from tests.adversarial import escapes
from tests.adversarial.escapes import WAYS
from tests.local.box import needs_box, open_to_all, private

pytestmark = needs_box

HERE = Path(__file__).parent
READS = [
    "root_of_others",
    *(name for name in WAYS if name.startswith("other_project")),
    "lower_layer_by_mount_table",
]
"""Ways that read a file of their own name in the folder outside."""
WRITES_OUTSIDE = ["file_outside", "file_by_own_root", "file_through_a_link"]
FOR_ROOT = {"raw_socket", "other_project_by_handle", "password_hashes"}
"""What an ordinary user could not do outside of a box either."""
SETTLE_SECONDS = 1.6
"""What a survivor needs to send, and more."""
NOBODY = 65534


@dataclass
class World:
    """A workspace, a folder outside of it, listeners and a victim; and what came out."""

    root: Path
    marks: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    closing: list[Any] = field(default_factory=list)
    victim: "subprocess.Popen[bytes] | None" = None

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def came_out(self, printed: bytes) -> set[str]:
        """Return the ways that worked: by what was printed, heard, or is on the host's disk."""
        out = printed + b"".join(self.heard)
        found = {name for name, mark in self.marks.items() if mark.encode() in out}
        for name in WRITES_OUTSIDE:
            path = self.outside / name
            found |= {name} if path.exists() and self.marks[name] in path.read_text() else set()
        seen = self.workspace
        judged = {
            "source_file": self.marks["source_file"] in (seen / "source_file").read_text(),
            "mapped_file": self.marks["mapped_file"] in (seen / "mapped_file").read_text(),
            "deleted_file": not (seen / "deleted_file").exists(),
            "renamed_folder": not (seen / "renamed_folder").exists(),
            "mode_of_a_file": bool((seen / "mode_of_a_file").stat().st_mode & 0o4000),
            "hook_of_git": (seen / ".git" / "hooks" / "post-commit").exists(),
            "state_directory": (self.state / "state_directory").exists(),
            "forged_trace": self.marks["forged_trace"] in (self.state / "traces" / "trace").read_text(),
            "survivor": self.marks["survivor"].encode() in out or (self.outside / "survived").exists(),
            "signal_to_others": self.victim is not None and self.victim.poll() == -signal.SIGUSR1,
        }
        return found | {name for name, worked in judged.items() if worked}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Lay out a world in a place that any user can reach."""
    root = Path(tempfile.mkdtemp(prefix="nucleus-box-"))
    root.chmod(0o755)
    made = World(root, {name: f"mark{secrets.token_hex(8)}" for name in WAYS})
    try:
        _files(made)
        _listeners(made)
        _processes(made)
        yield made
    finally:
        for one in reversed(made.closing):
            one()
        shutil.rmtree(root, ignore_errors=True)


def _files(world: World) -> None:
    marks, workspace, outside = world.marks, world.workspace, world.outside
    for folder in (
        workspace / ".git" / "hooks",
        workspace / "renamed_folder",
        outside,
        workspace / "private" / "notes",
    ):
        folder.mkdir(parents=True)
    private(world.state)
    private(world.state / "traces")
    for name in READS:
        (outside / name).write_text(marks[name])
    (workspace / "link-out").symlink_to(outside / "other_project_by_link")
    for name in ("source_file", "deleted_file", "mode_of_a_file", "mapped_file"):
        (workspace / name).write_text("as it was" * 10)
    (workspace / ".env").write_text(marks["dot_env"] + marks["dot_env_by_another_name"])
    os.link(workspace / ".env", workspace / "harmless.txt")
    (workspace / "private" / "notes" / "deep.txt").write_text(marks["denied_by_policy"])
    (workspace / ".git" / "config").write_text(f'[remote "o"]\n\turl = https://{marks["token_of_git"]}@example.com/\n')
    (world.state / "traces" / "trace").write_text(marks["trace"])
    shutil.copy(HERE / "escapes.py", workspace / "escapes.py")


def _listeners(world: World) -> None:
    name = f"nucleus-{secrets.token_hex(6)}"
    opened = {}
    for kind, family, how, address in (
        ("tcp", socket.AF_INET6, socket.SOCK_STREAM, ("::", 0)),
        ("metadata", socket.AF_INET, socket.SOCK_STREAM, ("127.169.254.169", 0)),
        ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name),
        ("path", socket.AF_UNIX, socket.SOCK_STREAM, str(world.outside / "socket")),
        ("bus", socket.AF_UNIX, socket.SOCK_STREAM, str(world.outside / "bus")),
        ("datagrams", socket.AF_UNIX, socket.SOCK_DGRAM, str(world.outside / "datagrams")),
        ("workspace", socket.AF_UNIX, socket.SOCK_STREAM, str(world.workspace / "socket")),
    ):
        sock = socket.socket(family, how)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == "tcp":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
        sock.bind(address)
        if how == socket.SOCK_STREAM:
            sock.listen(50)
        sock.settimeout(0.1)
        opened[kind] = sock
    for path in ("outside/socket", "outside/bus", "outside/datagrams", "workspace/socket"):
        (world.root / path).chmod(0o777)
    stop = threading.Event()
    threads = [threading.Thread(target=_listen, args=(world, sock, stop)) for sock in opened.values()]
    for thread in threads:
        thread.start()
    world.closing = [*(sock.close for sock in opened.values()), *(thread.join for thread in threads), stop.set]
    world.facts |= {kind: opened[kind].getsockname()[1] for kind in ("tcp", "metadata", "udp")}
    world.facts |= {"abstract": name, "name": name}


def _listen(world: World, sock: socket.socket, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            if sock.type == socket.SOCK_STREAM:
                peer, _ = sock.accept()
                with peer:
                    peer.settimeout(2)
                    world.heard.append(peer.recv(1000))
            else:
                world.heard.append(sock.recv(1000))
        except TimeoutError:
            continue


def _processes(world: World) -> None:
    marks, facts, libc = world.marks, world.facts, ctypes.CDLL(None, use_errno=True)
    environment = {"TOKEN": marks["environment_of_others"] + marks["environment_of_everybody"]}
    world.victim = subprocess.Popen(["sleep", "300"], env=environment, cwd="/")
    facts |= {"victim": world.victim.pid, "outside": str(world.outside), "state": str(world.state)}
    facts["shared_memory"] = secrets.randbelow(1 << 30) + 1
    number = libc.shmget(facts["shared_memory"], 64, 0o1666)
    libc.shmat.restype = ctypes.c_void_p
    ctypes.memmove(libc.shmat(number, None, 0), marks["shared_memory_of_system_v"].encode(), 20)
    shm = Path("/dev/shm") / facts["name"]  # where POSIX shared memory is
    shm.write_text(marks["shared_memory_of_posix"])
    handle = ctypes.create_string_buffer((128).to_bytes(8, "little") + bytes(128))
    if hasattr(libc, "name_to_handle_at"):
        path = str(world.outside / "other_project_by_handle").encode()
        libc.name_to_handle_at(-100, path, handle, ctypes.byref(ctypes.c_int()), 0)
    facts["handle"] = handle.raw.hex()
    numbers = escapes.NUMBERS
    key = libc.syscall(numbers["add_key"], b"user", facts["name"].encode(), marks["keyring"].encode(), 20, -4)
    libc.syscall(numbers["keyctl"], 5, key, 0x3F3F0000)  # readable for every process of this user
    world.closing.append(lambda: libc.syscall(numbers["keyctl"], 9, key, -4))
    kept = (world.outside / "descriptor").open("w+")
    kept.write(marks["inherited_descriptors"])
    kept.flush()
    os.set_inheritable(kept.fileno(), True)
    world.closing += [
        world.victim.wait,
        world.victim.kill,
        lambda: libc.shmctl(number, 0, None),
        shm.unlink,
        kept.close,
    ]


def told(world: World, ways: list[str]) -> bytes:
    """Return what the program reads."""
    return json.dumps(world.facts | {"marks": _visible_marks(world, ways), "ways": ways}).encode()


def _visible_marks(world: World, ways: list[str]) -> dict[str, str]:
    """Return the marks that a way sends or writes. One that has to read its mark is told another."""
    given = dict.fromkeys(ways, "to be read")
    sends = [name for name in ways if name not in {*READS, *MUST_READ}]
    return given | {name: world.marks[name] for name in sends}


MUST_READ = {
    "shared_memory_of_system_v",
    "shared_memory_of_posix",
    "keyring",
    "environment_of_others",
    "environment_of_everybody",
    "inherited_descriptors",
    "dot_env",
    "dot_env_by_another_name",
    "denied_by_policy",
    "token_of_git",
    "trace",
}
HIDDEN = ["private", "private/**"]


def in_a_box(world: World, ways: list[str], executable: str = "") -> bytes:
    """Run the ways in a box and return everything that they printed."""
    box = NsBox(str(world.state), executable=executable)
    args = {"argv": [box._views.python, "-I", "escapes.py"], "hidden": HIDDEN, "cwd": "."}
    outcome = box.run(Permit(0, "proc.run", args, str(world.workspace), Limits(1 << 20, 50)), told(world, ways))
    assert outcome.status == "ok", outcome
    assert outcome.value["status"] == 0, outcome
    printed = outcome.body + str(outcome.value["stderr"]).encode()
    assert printed.count(b"held:") > len(ways) // 2, printed.decode()
    time.sleep(SETTLE_SECONDS)
    return printed


def without_a_box(world: World, ways: list[str]) -> bytes:
    done = subprocess.run(
        [sys.executable, "-I", "escapes.py"],
        input=told(world, ways),
        capture_output=True,
        cwd=world.workspace,
        env={"DBUS_SESSION_BUS_ADDRESS": f"unix:path={world.outside}/bus", "PATH": os.environ["PATH"]},
        close_fds=False,
        timeout=50,
        check=True,
    )
    time.sleep(SETTLE_SECONDS)
    return done.stdout + done.stderr


def test_nothing_gets_out_of_a_box(world: World) -> None:
    """As the user that runs the tests, root in many places."""
    printed = in_a_box(world, list(WAYS))
    assert world.came_out(printed) == set(), printed.decode("utf-8", "replace")


def test_without_the_box_each_way_works(world: World) -> None:
    """The containment switched off, the same program in the same world: it is what gives the other tests a meaning."""
    ways = [name for name in WAYS if name not in unable()]
    printed = without_a_box(world, ways)
    assert set(ways) - world.came_out(printed) == set(), printed.decode("utf-8", "replace")


def unable() -> set[str]:
    """Return the ways that this machine or user has not got even without a box."""
    lacking = FOR_ROOT if os.getuid() != 0 else set()
    return lacking | _kernel_lacks()


def _kernel_lacks() -> set[str]:
    lacking = set()
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
    except OSError:
        lacking.add("mptcp")
    try:
        os.listdir("/proc/1/root")
    except OSError:
        lacking.add("other_project_by_first_root")
    return lacking


@pytest.mark.skipif(os.getuid() != 0, reason="the tests run as an ordinary user already")
def test_nothing_gets_out_of_the_box_of_an_ordinary_user(world: World) -> None:
    """The same, by a process that gave up root before it made the box."""
    python = reachable()
    for folder, _, files in os.walk(world.root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(write, in_a_box(world, list(WAYS), python))
        except BaseException as error:  # noqa: BLE001  told to the parent, which fails with it
            os.write(write, f"broken: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        printed = answer.read()
    os.waitpid(child, 0)
    assert not printed.startswith(b"broken"), printed.decode()
    assert printed.count(b"held:") > len(WAYS) // 2
    assert world.came_out(printed) == set(), printed.decode("utf-8", "replace")


def reachable() -> str:
    """Return an interpreter that any user can start, or skip: bubblewrap and our code must be readable too."""
    for needed in (bwrap.find().path, views.INSIDE):
        if not open_to_all(needed):
            pytest.skip(f"an ordinary user can't read {needed}")
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        if os.path.exists(path) and open_to_all(path):
            return path
    pytest.skip("an ordinary user can start no interpreter here")
