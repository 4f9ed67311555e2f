"""A world with something to lose: files, listeners, processes of the host. What comes out is judged here.

Marks are random and exist on the host only. A way has worked if its mark came
out: in what the program printed, at a listener, in a file of the host, or in
what became of a process of the host.
"""

import ctypes
import json
import os
import resource
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucleus.gate.hardening import home_of
from tests.adversarial.hostile import NUMBERS, READS, WAYS
from tests.adversarial.hostile.writing import CONTROL, DEPTH
from tests.local.box import private

HERE = Path(__file__).parent
IN_OUTSIDE = [
    "root_of_others",
    *(name for name in WAYS if name.startswith("other_project")),
    "lower_layer_by_mount_table",
]
"""Ways that read a file of their own name in the folder outside."""
NEW_OUTSIDE = ["file_outside", "file_by_own_root", "file_through_a_link", "race_of_links"]
KEPT = ["source_file", "mapped_file", "deleted_file", "cut_file", "mode_of_a_file", "time_of_a_file"]
"""Files of the workspace that a way of their name changes."""
MADE = ["new_device", "new_pipe", "new_socket", "new_link_out"]
NOBODY = 65534
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p


@dataclass
class World:
    """A workspace, a folder outside of it, listeners and victims; and what came out."""

    root: Path
    temporary: Path
    marks: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    closing: list[Callable[[], Any]] = field(default_factory=list)
    judges: dict[str, Callable[[], bool]] = field(default_factory=dict)

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
        """Return the ways that worked: by what was printed, heard, or is on the host."""
        out = printed + b"".join(self.heard)
        found = {name for name, mark in self.marks.items() if mark.encode() in out}
        return found | {name for name, worked in self.judges.items() if worked()}

    def told(self, ways: list[str]) -> bytes:
        """Return what the program reads. A way that has to find its mark is told another.

        Survivors come last: they are to act when the program has ended, and not while it still tries something else.
        """
        ways = sorted(ways, key=lambda name: name.startswith("survivor"))
        marks = {name: "to be found" if name in READS else self.marks[name] for name in ways}
        return json.dumps(self.facts | {"marks": marks, "ways": ways}).encode()

    def variables(self) -> dict[str, str]:
        """Return what an ordinary session has in its environment."""
        agents = self.outside / "agents"
        return {
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.outside}/bus",
            "SSH_AUTH_SOCK": f"{agents}/ssh",
            "DOCKER_HOST": f"unix://{agents}/docker.sock",
            "XDG_RUNTIME_DIR": str(agents),
            "WAYLAND_DISPLAY": "wayland-0",
        }


@contextmanager
def laid_out() -> Iterator[World]:
    """Lay out a world in a place that any user can reach, and take it away."""
    root, temporary = (Path(tempfile.mkdtemp(prefix="nucleus-box-")) for _ in range(2))
    for folder in (root, temporary):
        folder.chmod(0o755)
    made = World(root, temporary, {name: f"mark{secrets.token_hex(8)}" for name in WAYS})
    try:
        _files(made)
        _elsewhere(made)
        _listeners(made)
        _queues(made)
        _processes(made)
        yield made
    finally:
        for one in reversed(made.closing):
            with suppress(FileNotFoundError):
                one()
        for folder in (root, temporary):
            shutil.rmtree(folder, ignore_errors=True)


def _files(world: World) -> None:
    marks, workspace, outside = world.marks, world.workspace, world.outside
    for path in (".git/hooks", ".git/objects/info", ".git/refs", "renamed_folder", "private/notes", "raced", DEPTH):
        (workspace / path).mkdir(parents=True)
    for path in ("renamed", "masked", "folded", "packages/app", "whole_folder_by_an_attribute"):
        (workspace / path).mkdir(parents=True)
    (outside / "agents").mkdir(parents=True)
    private(world.state)
    private(world.state / "traces")
    for name in IN_OUTSIDE:
        (outside / name).write_text(marks[name])
    (outside / "files_of_others").write_text(marks["files_of_others"] + marks["descriptors_of_others"])
    for name in [*KEPT, "attribute_of_a_file", "whiteout_by_hand", "renamed_folder/file", "renamed/file"]:
        (workspace / name).write_text("as it was" * 10)
    for name in ("whole_folder_by_an_attribute/file", "file_in_place_of_a_folder/file"):
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text("as it was")
    (outside / "hard_link_to_the_outside").write_text("as it was")
    (workspace / "link-out").symlink_to(outside / "other_project_by_link")
    (workspace / "folder-out").symlink_to(outside)
    _hidden(world)
    (world.state / "traces" / "trace").write_text(marks["trace"])
    shutil.copytree(HERE / "hostile", workspace / "attack" / "hostile", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "attack.py", workspace / "attack" / "__main__.py")
    _judge_files(world)


def _hidden(world: World) -> None:
    """Lay out what a policy hides, under several names."""
    marks, workspace = world.marks, world.workspace
    (workspace / ".env").write_text(marks["dot_env"] + marks["dot_env_by_another_name"] + marks["dot_env_by_a_link"])
    os.link(workspace / ".env", workspace / "harmless.txt")
    (workspace / "link-env").symlink_to(".env")
    for path, name in (
        ("packages/app/.env.local", "dot_env_at_depth"),
        ("renamed/.env", "dot_env_by_renaming_its_folder"),
        ("masked/.env", "dot_env_under_its_mask"),
        ("folded/.ENV", "dot_env_by_folding_its_name"),
        ("private/notes/deep.txt", "denied_by_policy"),
    ):
        (workspace / path).write_text(marks[name])
    (workspace / ".git" / "config").write_text(f'[remote "o"]\n\turl = https://{marks["token_of_git"]}@example.com/\n')


def _judge_files(world: World) -> None:
    seen, outside, judges, marks = world.workspace, world.outside, world.judges, world.marks

    def holds(path: Path, name: str) -> Callable[[], bool]:
        return lambda: path.is_file() and marks[name] in path.read_text(errors="replace")

    for name in ("source_file", "mapped_file"):
        judges[name] = holds(seen / name, name)
    for name in NEW_OUTSIDE:
        judges[name] = holds(outside / name, name)
    for name, path in CONTROL.items():
        judges[f"control_of_{name}"] = holds(seen / DEPTH / path, f"control_of_{name}")
    for name in MADE:
        judges[name] = lambda name=name: os.path.lexists(seen / name)
    judges |= {
        "hard_link_to_the_outside": holds(outside / "hard_link_to_the_outside", "hard_link_to_the_outside"),
        "file_through_a_link_that_is_there": (outside / "file_through_a_link_that_is_there").exists,
        "state_directory": (world.state / "state_directory").exists,
        "forged_trace": holds(world.state / "traces" / "trace", "forged_trace"),
        "survivor": (outside / "survived").exists,
        "survivor_that_writes_late": (seen / "late").exists,
        "deleted_file": lambda: not (seen / "deleted_file").exists(),
        "cut_file": lambda: (seen / "cut_file").stat().st_size == 0,
        "renamed_folder": lambda: not (seen / "renamed_folder" / "file").exists(),
        "new_set_uid_file": lambda: bool(_mode(seen / "new_set_uid_file") & 0o6000),
        "mode_of_a_file": lambda: bool((seen / "mode_of_a_file").stat().st_mode & 0o4000),
        "time_of_a_file": lambda: (seen / "time_of_a_file").stat().st_mtime == 77,
        "attribute_of_a_file": lambda: "user.mark" in os.listxattr(seen / "attribute_of_a_file"),
        "whiteout_by_hand": lambda: not (seen / "whiteout_by_hand").is_file(),
        "whole_folder_by_an_attribute": lambda: not (seen / "whole_folder_by_an_attribute" / "file").exists(),
        "file_in_place_of_a_folder": (seen / "file_in_place_of_a_folder").is_symlink,
        "hook_of_git": (seen / ".git" / "hooks" / "post-commit").exists,
        "configuration_of_git": holds(seen / ".git" / "config", "configuration_of_git"),
        "objects_of_git_elsewhere": (seen / ".git" / "objects" / "info" / "alternates").exists,
        "replacement_in_git": (seen / ".git" / "refs" / "replace").exists,
    }


def _mode(path: Path) -> int:
    return path.stat().st_mode if path.exists() else 0


def _elsewhere(world: World) -> None:
    """Lay out what lies in places that a test has not to itself; each is of a random name, and taken away."""
    name = f".nucleus-test-{secrets.token_hex(6)}"
    facts, judges, closing = world.facts, world.judges, world.closing
    folder = Path(home_of(os.getuid()))
    if not os.access(folder, os.W_OK):
        folder = world.outside
    home, start = folder / name, folder / f"{name}.rc"
    home.write_text(world.marks["home"] + world.marks["home_by_its_user"])
    system = Path("/usr/share") / name if os.getuid() == 0 else world.outside / "system"
    group = next((path for path in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.access(path, os.W_OK)), "/none")
    facts |= {"home": str(home), "system": str(system), "cgroup": f"{group}/{name}"}
    judges["start_of_the_shell"] = start.exists
    judges["file_of_the_system"] = system.exists
    judges["group_of_processes"] = Path(facts["cgroup"]).exists
    closing += [home.unlink, start.unlink, system.unlink, Path(facts["cgroup"]).rmdir]
    facts |= {"disk": os.stat(world.root).st_dev, "hostname": socket.gethostname()}
    told = {"device": "devices_of_the_network", "kernel": "messages_of_the_kernel", "password": "password_hashes"}
    told |= {"account": "accounts", "disk": "disk", "node": "disk_by_a_new_node"}
    facts |= {f"{short}_mark": world.marks[way] for short, way in told.items()}
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    facts["devices"] = [line.split(":")[0].strip() for line in lines if not line.strip().startswith("lo:")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # an address of documentation; connecting sends nothing
            facts["address"] = sock.getsockname()[0]
        except OSError:
            facts["address"] = "127.0.0.1"
    shutil.copy("/usr/bin/id", world.workspace / "set-uid")
    (world.workspace / "set-uid").chmod(0o4755)


def _listeners(world: World) -> None:
    name, bus = f"nucleus-{secrets.token_hex(6)}", world.outside / "usual-bus"
    if os.getuid() == 0:
        bus = Path(f"/run/{name}-bus")
    windows = Path("/tmp/.X11-unix")
    windows.mkdir(mode=0o1777, exist_ok=True)
    x11 = str(windows / f"X{secrets.randbelow(9000) + 1000}")
    agents = world.outside / "agents"
    paths = [world.outside / "socket", world.outside / "bus", world.workspace / "socket", world.temporary / "socket"]
    paths += [agents / one for one in ("S.gpg-agent", "docker.sock", "ssh", "wayland-0")] + [Path(x11), bus]
    opened = {
        "tcp": _bound(socket.AF_INET6, socket.SOCK_STREAM, ("::", 0)),
        "metadata": _bound(socket.AF_INET, socket.SOCK_STREAM, ("127.169.254.169", 0)),
        "udp": _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "abstract": _bound(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name),
        "abstract x11": _bound(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + x11),
        "datagrams": _bound(socket.AF_UNIX, socket.SOCK_DGRAM, str(world.outside / "datagrams")),
    }
    opened |= {str(path): _bound(socket.AF_UNIX, socket.SOCK_STREAM, str(path)) for path in paths}
    for path in (*paths, world.outside / "datagrams"):
        path.chmod(0o777)
    pipes = [world.outside / "fifo", world.workspace / "fifo"]
    for path in pipes:
        os.mkfifo(path)
        path.chmod(0o666)
    read = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in pipes]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world.facts["inbound"] = free.getsockname()[1]
    stop = threading.Event()
    threads = [
        threading.Thread(target=_listen, args=(world, list(opened.values()), read, stop)),
        threading.Thread(target=_knock, args=(world, stop)),
    ]
    for thread in threads:
        thread.start()
    world.closing += [Path(x11).unlink, bus.unlink, *(sock.close for sock in opened.values())]
    world.closing += [lambda: [os.close(number) for number in read], *(thread.join for thread in threads), stop.set]
    world.facts |= {kind: opened[kind].getsockname()[1] for kind in ("tcp", "metadata", "udp")}
    world.facts |= {"abstract": name, "name": name, "x11": x11, "bus": str(bus), "agents": str(agents)}
    world.facts |= {"temporary": str(world.temporary), "outside": str(world.outside), "state": str(world.state)}


def _bound(family: int, how: int, address: Any) -> socket.socket:
    sock = socket.socket(family, how)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    sock.bind(address)
    if how == socket.SOCK_STREAM:
        sock.listen(50)
    return sock


def _listen(world: World, sockets: list[socket.socket], pipes: list[int], stop: threading.Event) -> None:
    """Take whatever comes, and keep it."""
    peers: set[socket.socket] = set()
    while not stop.is_set():
        for one in select.select([*sockets, *peers, *pipes], [], [], 0.1)[0]:
            try:
                if isinstance(one, int):
                    world.heard.append(os.read(one, 1000))
                elif one in peers or one.type == socket.SOCK_DGRAM:
                    world.heard.append(one.recv(1000))
                    if one in peers and not world.heard[-1]:
                        peers.discard(one)
                        one.close()
                else:
                    peers.add(one.accept()[0])
            except OSError:
                peers.discard(one)  # type: ignore[arg-type]  # a number is in no set of sockets
    for peer in peers:
        peer.close()


def _knock(world: World, stop: threading.Event) -> None:
    """Try to reach the program from outside."""
    while not stop.wait(0.1):
        with socket.socket() as sock:
            sock.settimeout(0.5)
            try:
                sock.connect(("127.0.0.1", world.facts["inbound"]))
                world.heard.append(sock.recv(1000))
            except OSError:
                continue


def _queues(world: World) -> None:
    """Make what processes share by numbers and names."""
    marks, facts, closing = world.marks, world.facts, world.closing
    facts |= {name: secrets.randbelow(1 << 30) + 1 for name in ("shared_memory", "messages", "semaphores")}
    memory = libc.shmget(facts["shared_memory"], 64, 0o1666)
    ctypes.memmove(libc.shmat(memory, None, 0), marks["shared_memory_of_system_v"].encode(), 20)
    messages = libc.msgget(facts["messages"], 0o1666)
    packed = struct.pack("l20s", 1, marks["messages_of_system_v"].encode())
    libc.msgsnd(messages, packed, ctypes.c_size_t(20), 0)
    semaphores = libc.semget(facts["semaphores"], 1, 0o1666)
    world.judges["semaphores_of_system_v"] = lambda: libc.semctl(semaphores, 0, 12) == 7  # GETVAL
    closing += [lambda: libc.shmctl(memory, 0, None), lambda: libc.msgctl(messages, 0, None)]
    closing.append(lambda: libc.semctl(semaphores, 0, 0))
    shm = Path("/dev/shm") / facts["name"]  # where POSIX shared memory is
    shm.write_text(marks["shared_memory_of_posix"])
    closing.append(shm.unlink)
    name, before = facts["name"].encode(), os.umask(0)
    queue = libc.syscall(NUMBERS["mq_open"], name, 0o102 | 0o4000, 0o666, None)
    os.umask(before)
    if queue >= 0:
        mark = marks["messages_of_posix"].encode()
        libc.syscall(NUMBERS["mq_timedreceive"] - 1, queue, mark, ctypes.c_size_t(len(mark)), 0, None)
        os.close(queue)
        closing.append(lambda: libc.syscall(NUMBERS["mq_open"] + 1, name))
    key = libc.syscall(NUMBERS["add_key"], b"user", name, marks["keyring"].encode(), 20, -4)
    libc.syscall(NUMBERS["keyctl"], 5, key, 0x3F3F0000)  # readable for every process of this user
    closing.append(lambda: libc.syscall(NUMBERS["keyctl"], 9, key, -4))


def _processes(world: World) -> None:
    marks, facts, outside = world.marks, world.facts, world.outside
    tokens = ("environment_of_others", "environment_of_everybody", "memory_of_others")
    environment = {"TOKEN": "".join(marks[name] for name in tokens)}
    words = [f"sleep-{marks['command_lines_of_everybody']}", "300"]
    with (outside / "files_of_others").open() as file:
        victim = subprocess.Popen(words, executable="/usr/bin/sleep", env=environment, cwd="/", stdin=file)
    signalled = subprocess.Popen(["sleep", "300"], cwd="/")
    facts |= {"victim": victim.pid, "signalled": signalled.pid}
    files = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
    world.judges["signal_to_others"] = lambda: signalled.poll() == -signal.SIGUSR1
    world.judges["limits_of_others"] = lambda: resource.prlimit(victim.pid, resource.RLIMIT_NOFILE) != files
    world.judges["priority_of_others"] = lambda: os.getpriority(os.PRIO_PROCESS, victim.pid) == 7
    handle = ctypes.create_string_buffer((128).to_bytes(8, "little") + bytes(128))
    if hasattr(libc, "name_to_handle_at"):
        path = str(outside / "other_project_by_handle").encode()
        libc.name_to_handle_at(-100, path, handle, ctypes.byref(ctypes.c_int()), 0)
    facts["handle"] = handle.raw.hex()
    kept = (outside / "descriptor").open("w+")
    kept.write(marks["inherited_descriptors"])
    kept.flush()
    os.set_inheritable(kept.fileno(), True)
    ours, its = os.openpty()
    facts["terminal"] = os.ttyname(its)
    Path(facts["terminal"]).chmod(0o666)
    for number in (ours, its):
        os.set_blocking(number, False)
    world.judges["typing_into_a_terminal"] = lambda: marks["typing_into_a_terminal"] in _waiting(its)
    world.judges["writing_to_a_terminal"] = lambda: marks["writing_to_a_terminal"] in _waiting(ours)
    for one in (victim, signalled):
        world.closing += [one.wait, one.kill]
    world.closing += [kept.close, lambda: os.close(ours), lambda: os.close(its)]


def _waiting(number: int) -> str:
    """Return what waits at one end of a terminal."""
    try:
        return os.read(number, 10000).decode("utf-8", "replace")
    except OSError:
        return ""
