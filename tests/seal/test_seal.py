"""A sealed process reaches nothing; the same attacks succeed unsealed; ordinary work goes on.

Each attack has a place of its own (a directory, a victim process, listening
sockets). What happened is judged there, from outside, and not by what the
attack says; loot is what it could send back over the kept socket.
"""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.seal.seal import SealedImports, supported

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seals are a Linux thing")

NOBODY = 65534
IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
USERS = ["root", "nobody"] if IS_ROOT else ["self"]

IMPORTS = """
import sys
import ctypes, fcntl, json, mmap, os, resource, signal, socket, struct, subprocess, threading, time
from nucleus.seal import landlock, native, relay, standing, seal as seals
from nucleus.seal.allowance import sealed
from nucleus.seal.bpf import assemble
"""
SEALING = """
seals._preload([])
order = json.loads(sys.argv[1])
home = socket.socket(fileno=order["home"])
touch = open("/bin/touch", "rb").read()
libc = ctypes.CDLL(None, use_errno=True)
for number in map(int, os.listdir("/proc/self/fd")):
    if number > 2 and number != order["home"]:
        try:
            os.close(number)
        except OSError:
            pass
if order["user"] == "nobody":
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    native.prctl(4, 1)
machine = seals.supported()
program = assemble(sealed(os.getpid()), machine)
mode = order["mode"]
if mode == "sealed":
    report = seals.seal([order["home"]])
    assert report.relayed == () and report.relay_pid == 0, report
elif mode == "abi1":
    seals.give_up(machine, program, landlock.handled(1))
elif mode == "seccomp":
    native.no_new_privileges(); native.install_filter(machine, program)
elif mode == "landlock":
    native.no_new_privileges(); landlock.enforce(landlock.handled(min(5, landlock.abi())))
else:
    assert mode == "unsealed"
def raw(number, *arguments):
    answer = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)])
    if answer == -1:
        raise OSError(ctypes.get_errno(), "raw")
    return answer
N = machine.numbers
def attack(source, t):
    scope = dict(globals(), t=t, loot="")
    try:
        exec(source, scope)
    except BaseException as error:
        return {"error": repr(error), "loot": str(scope["loot"])}
    return {"error": "", "loot": str(scope["loot"])}
"""
DRIVER = IMPORTS + SEALING
ATTACKING = """
answers = {name: attack(source, t) for name, source, t in order["attacks"]}
home.sendall(json.dumps(answers).encode())
os._exit(0)
"""


@dataclass
class Place:
    """Where one attack happens."""

    path: Path
    victim: subprocess.Popen[bytes] | None
    streams: dict[str, socket.socket] = field(default_factory=dict)
    loot: str = ""
    error: str = ""

    @property
    def file(self) -> Path:
        """A file that the attacker may write by its own right."""
        return self.path / "victim.txt"

    @property
    def pid(self) -> int:
        assert self.victim is not None
        return self.victim.pid

    def told(self) -> dict[str, Any]:
        """Return what the attacker knows of the place."""
        return {
            "dir": str(self.path),
            "file": str(self.file),
            "pid": self.victim.pid if self.victim else 0,
            **{kind: sock.getsockname()[1] for kind, sock in self.streams.items() if kind in ("tcp", "udp")},
        }

    def reached(self, name: str) -> bool:
        """Whether anything came in on a listening socket."""
        self.streams[name].settimeout(0.05)
        try:
            self.streams[name].recv(64) if name in ("udp", "datagram") else self.streams[name].accept()[0].close()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True)
class Attack:
    """Source that runs with all authority it has, and how to see from outside that it worked."""

    source: str
    happened: Callable[[Place], bool]
    victim: bool = False


def took(place: Place) -> bool:
    """Whether it sent something back."""
    return place.loot != ""


def made(name: str) -> Callable[[Place], bool]:
    """Return a judge for "this name now exists"."""
    return lambda place: (place.path / name).exists() or (place.path / name).is_symlink()


def changed(place: Place) -> bool:
    """Whether the content of the file is not what it was."""
    return not place.file.exists() or place.file.read_text() != "victim\n"


def ended(by: int) -> Callable[[Place], bool]:
    """Return a judge for "the victim was ended by this signal"."""

    def judge(place: Place) -> bool:
        assert place.victim is not None
        try:
            return place.victim.wait(0.05) == -by
        except subprocess.TimeoutExpired:
            return False

    return judge


ATTACKS: dict[str, Attack] = {
    "read": Attack("loot = open('/etc/passwd').read()[:4]", took),
    "read from a new thread": Attack(
        "box = []\nx = threading.Thread(target=lambda: box.append(open('/etc/passwd').read()[:4]))\n"
        "threading.excepthook = lambda _: None\nx.start(); x.join(); loot = box[0]",
        took,
    ),
    "read by the C library": Attack(
        "fd = libc.open(b'/etc/passwd', 0)\nassert fd >= 0\nloot = os.read(fd, 4)",
        took,
    ),
    "read by a raw call": Attack("loot = os.read(raw(N['openat'], -100, b'/etc/passwd', 0, 0), 4)", took),
    "read by openat2": Attack(
        "how = struct.pack('QQQ', 0, 0, 0)\nloot = os.read(raw(N['openat2'], -100, b'/etc/passwd', how, 24), 4)", took
    ),
    "list": Attack("loot = os.listdir('/etc')[:1]", took),
    "stat": Attack("loot = os.stat('/etc/passwd').st_size", took),
    "statx": Attack(
        "b = ctypes.create_string_buffer(256)\nraw(N['statx'], -100, b'/etc/passwd', 0, 0xfff, b)\nloot = 1", took
    ),
    "stat as fstat": Attack(
        "b = ctypes.create_string_buffer(256)\nraw(N['newfstatat'], -100, b'/etc/passwd', b, 0x1000)\nloot = 1", took
    ),
    "readlink": Attack("loot = os.readlink('/proc/self/exe')", took),
    "access": Attack("loot = {True: 'found'}[os.access('/etc/passwd', os.R_OK)]", took),
    "chdir": Attack("os.chdir('/etc')\nloot = os.getcwd()", took),
    "own memory file": Attack("loot = open('/proc/self/maps').read(4)", took),
    "write": Attack("open(t['dir'] + '/new', 'w').write('x')", made("new")),
    "append": Attack("open(t['file'], 'a').write('more')", changed),
    "truncate": Attack("os.truncate(t['file'], 0)", changed),
    "chmod": Attack("os.chmod(t['file'], 0o4777)", lambda place: place.file.stat().st_mode & 0o7777 == 0o4777),
    "utime": Attack("os.utime(t['file'], (1, 1))", lambda place: place.file.stat().st_mtime == 1),
    "xattr": Attack("os.setxattr(t['file'], 'user.mark', b'x')", lambda place: os.listxattr(place.file) != []),
    "rename": Attack("os.rename(t['file'], t['dir'] + '/other')", made("other")),
    "unlink": Attack("os.unlink(t['file'])", changed),
    "link": Attack("os.link(t['file'], t['dir'] + '/other')", made("other")),
    "symlink": Attack("os.symlink('/etc', t['dir'] + '/other')", made("other")),
    "mkdir": Attack("os.mkdir(t['dir'] + '/other')", made("other")),
    "fifo": Attack("os.mkfifo(t['dir'] + '/other')", made("other")),
    "bind a path socket": Attack("socket.socket(socket.AF_UNIX).bind(t['dir'] + '/other')", made("other")),
    "tcp": Attack("socket.create_connection(('127.0.0.1', t['tcp']))", lambda place: place.reached("tcp")),
    "udp": Attack(
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', t['udp']))",
        lambda place: place.reached("udp"),
    ),
    "path socket": Attack(
        "socket.socket(socket.AF_UNIX).connect(t['dir'] + '/stream')", lambda place: place.reached("stream")
    ),
    "datagram of a pair to a path socket": Attack(
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'x', t['dir'] + '/datagram')",
        lambda place: place.reached("datagram"),
    ),
    "message of a pair to a path socket": Attack(
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendmsg([b'x'], [], 0, t['dir'] + '/datagram')",
        lambda place: place.reached("datagram"),
    ),
    "sockets of every family": Attack(
        "found = []\nfor family in range(64):\n  for kind in (1, 2, 3, 5):\n    try:\n"
        "      socket.socket(family, kind).close(); found.append(family)\n    except OSError:\n      pass\n"
        "loot = found[:1].pop()",
        took,
    ),
    "exec": Attack("os.execv('/bin/touch', ['touch', t['dir'] + '/new'])", made("new")),
    "fork": Attack(
        "p = os.fork()\nif p == 0:\n  os._exit(7)\nloot = os.waitstatus_to_exitcode(os.waitpid(p, 0)[1])",
        took,
    ),
    "spawn": Attack("os.waitpid(os.posix_spawn('/bin/touch', ['touch', t['dir'] + '/new'], {}), 0)", made("new")),
    "subprocess": Attack("subprocess.run(['/bin/touch', t['dir'] + '/new'])", made("new")),
    "raw clone": Attack(
        "p = raw(N['clone'], 17, 0, 0, 0, 0)\nif p == 0:\n  os._exit(0)\nloot = os.waitpid(p, 0)", took
    ),
    "raw clone3": Attack(
        "a = struct.pack('11Q', 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)\np = raw(N['clone3'], a, 88)\n"
        "if p == 0:\n  os._exit(0)\nloot = os.waitpid(p, 0)",
        took,
    ),
    "memfd and exec": Attack(
        "fd = os.memfd_create('x')\nos.write(fd, touch)\nos.execve(fd, ['touch', t['dir'] + '/new'], {})", made("new")
    ),
    "user namespace": Attack("raw(N['unshare'], 0x10000000)\nloot = 1", took),
    "kill": Attack("os.kill(t['pid'], 9)", ended(9), victim=True),
    "kill a group": Attack("os.killpg(t['pid'], 9)", ended(9), victim=True),
    "tgkill": Attack("raw(N['tgkill'], t['pid'], t['pid'], 9)", ended(9), victim=True),
    "tkill": Attack("raw(N['tkill'], t['pid'], 9)", ended(9), victim=True),
    "signal by pidfd": Attack("signal.pidfd_send_signal(os.pidfd_open(t['pid']), 9)", ended(9), victim=True),
    "queued signal": Attack(
        "i = struct.pack('iiiiiiQ96x', 10, 0, -1, 0, os.getpid(), os.getuid(), 0)\n"
        "raw(N['rt_sigqueueinfo'], t['pid'], 10, i)",
        ended(10),
        victim=True,
    ),
    "signal by descriptor owner": Attack(
        "a, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_SETOWN, t['pid'])\n"
        "fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)\nb.send(b'x')",
        ended(29),
        victim=True,
    ),
    "signal by ioctl owner": Attack(
        "a, b = socket.socketpair()\nfcntl.ioctl(a, 0x8901, struct.pack('i', t['pid']))\n"
        "fcntl.ioctl(a, 0x5452, struct.pack('i', 1))\nb.send(b'x')",
        ended(29),
        victim=True,
    ),
    "ptrace": Attack(
        "raw(N['ptrace'], 0x4206, t['pid'], 0, 0)\nloot = 'attached'\nraw(N['kill'], t['pid'], 9)", took, victim=True
    ),
    "memory of the victim": Attack(
        "b = ctypes.create_string_buffer(8)\nhere = struct.pack('QQ', ctypes.addressof(b), 8)\n"
        "address = int(t['address'], 16)\nthere = struct.pack('QQ', address, 8)\n"
        "raw(N['process_vm_readv'], t['pid'], here, 1, there, 1, 0)\nloot = b.raw",
        took,
        victim=True,
    ),
    "limits": Attack(
        "resource.prlimit(t['pid'], resource.RLIMIT_NOFILE, (5, 5))",
        lambda place: "Max open files            5 " in Path(f"/proc/{place.pid}/limits").read_text(),
        victim=True,
    ),
    "affinity": Attack(
        "os.sched_setaffinity(t['pid'], {min(os.sched_getaffinity(0))})\nloot = 'set'", took, victim=True
    ),
    "priority": Attack(
        "os.setpriority(os.PRIO_PROCESS, t['pid'], 19)",
        lambda place: os.getpriority(os.PRIO_PROCESS, place.pid) == 19,
        victim=True,
    ),
    "scheduler": Attack(
        "os.sched_setscheduler(t['pid'], os.SCHED_IDLE, os.sched_param(0))",
        lambda place: os.sched_getscheduler(place.pid) == os.SCHED_IDLE,
        victim=True,
    ),
    "io priority": Attack("raw(N['ioprio_set'], 1, t['pid'], 3 << 13)\nloot = 1", took, victim=True),
    "session of its own": Attack("loot = os.getsid(t['pid'])", took, victim=True),
    "keyring": Attack("loot = raw(N['add_key'], b'user', b'x', b'y', 1, -1)", took),
    "shared memory segment": Attack("loot = raw(N['shmget'], 0, 4096, 0o1600)", took),
    "message queue": Attack("loot = raw(N['msgget'], 0, 0o1600)", took),
    "watch files": Attack("loot = raw(N['inotify_init1'], 0)", took),
    "anonymous file": Attack("loot = os.memfd_create('x')", took),
    "ring": Attack("b = ctypes.create_string_buffer(256)\nloot = raw(N['io_uring_setup'], 4, b)", took),
    "own limits": Attack(
        "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))\nloot = 1",
        took,
    ),
}


def test_every_attack_has_a_system_call_of_its_own_and_a_judge() -> None:
    assert len(ATTACKS) > 50


def listen(place: Place, source: str) -> None:
    """Open the sockets that this attack aims at."""
    for kind, sock_type in (("stream", socket.SOCK_STREAM), ("datagram", socket.SOCK_DGRAM)):
        if f"/{kind}'" in source:
            place.streams[kind] = socket.socket(socket.AF_UNIX, sock_type)
            place.streams[kind].bind(str(place.path / kind))
    if "stream" in place.streams:
        place.streams["stream"].listen()
    if "'tcp'" in source:
        place.streams["tcp"] = socket.create_server(("127.0.0.1", 0))
    if "'udp'" in source:
        place.streams["udp"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        place.streams["udp"].bind(("127.0.0.1", 0))


class Grounds:
    """All the places, and the run of attacks in them."""

    def __init__(self, root: Path, user: str) -> None:
        self.root = root
        self.user = user
        self.places: dict[str, Place] = {}

    def prepare(self, name: str) -> Place:
        """Lay out a place for one attack."""
        path = self.root / f"p{len(self.places)}"
        path.mkdir()
        (path / "victim.txt").write_text("victim\n")
        owner = NOBODY if self.user == "nobody" else os.getuid()
        victim = None
        if ATTACKS[name].victim:
            extra: dict[str, Any] = (
                {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.user == "nobody" else {}
            )
            victim = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True, close_fds=True, **extra)
        place = Place(path, victim)
        listen(place, ATTACKS[name].source)
        for entry in (path, *path.iterdir()):
            os.chown(entry, owner, -1)
        self.places[name] = place
        return place

    def run(self, mode: str, names: list[str]) -> None:
        """Run these attacks one after the other in one process, and note what they sent back."""
        attacks = []
        for name in names:
            place = self.prepare(name)
            told = place.told()
            if place.victim:
                told["address"] = Path(f"/proc/{place.pid}/maps").read_text().partition("-")[0]
            attacks.append((name, ATTACKS[name].source, told))
        ours, its = socket.socketpair()
        order = {"home": its.fileno(), "mode": mode, "user": self.user, "attacks": attacks}
        done = launch(DRIVER + ATTACKING, order, its, cwd=self.root)
        its.close()
        answer = b"".join(iter(lambda: ours.recv(1 << 16), b""))
        ours.close()
        assert not mode.startswith("sealed") or answer, done.stderr
        for name, fields in (json.loads(answer) if answer else {}).items():
            self.places[name].loot, self.places[name].error = fields["loot"], fields["error"]

    def happened(self, name: str) -> bool:
        """Judge one attack, at its place."""
        return ATTACKS[name].happened(self.places[name])

    def close(self) -> None:
        """End all victims and sockets."""
        for place in self.places.values():
            for sock in place.streams.values():
                sock.close()
            if place.victim:
                place.victim.kill()
                place.victim.wait()


def launch(
    source: str, order: dict[str, Any], its: socket.socket | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``source`` in a Python of its own whose standard streams are pipes."""
    return subprocess.run(
        [sys.executable, "-c", source, json.dumps(order)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        pass_fds=[its.fileno()] if its else [],
        cwd=cwd,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    """Skip with the reason where nothing can be sealed."""
    try:
        supported()
    except CannotEnforce as error:
        pytest.skip(error.diagnostics())


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """Make a directory that every user can enter."""
    import tempfile

    root = Path(tempfile.mkdtemp(prefix="nucleus-seal-"))
    root.chmod(0o777)
    yield root
    shutil.rmtree(root)


ALONE = ("exec", "memfd and exec", "user namespace", "own limits")
"""Attacks that, where they succeed, leave a process that is no longer the one the next attack needs."""


@pytest.fixture(scope="module")
def runs(ground: Path) -> Iterator[dict[tuple[str, str], Grounds]]:
    """Run every attack, those of one mode and user in one process."""
    found: dict[tuple[str, str], Grounds] = {}
    for user in USERS:
        for mode in ("sealed", "abi1", "seccomp", "unsealed"):
            root = ground / f"{mode}-{user}"
            root.mkdir()
            root.chmod(0o777)
            grounds = found[mode, user] = Grounds(root, user)
            alone = ALONE if mode == "unsealed" else ()
            grounds.run(mode, [name for name in ATTACKS if name not in alone])
            for name in alone:
                grounds.run(mode, [name])
    yield found
    for grounds in found.values():
        grounds.close()


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", ["sealed", "abi1", "seccomp"])
@pytest.mark.parametrize("name", ATTACKS)
def test_a_sealed_process_fails_at(runs: dict[tuple[str, str], Grounds], name: str, mode: str, user: str) -> None:
    """With all layers, on the first Landlock ABI, and by the allow-list alone."""
    grounds = runs[mode, user]
    place = grounds.places[name]
    assert not grounds.happened(name), place
    assert place.error, "an attack that fails does so with an error"


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_unsealed_process_succeeds_at(runs: dict[tuple[str, str], Grounds], name: str, user: str) -> None:
    """The defence switched off: else the tests above would show nothing."""
    grounds = runs["unsealed", user]
    if not grounds.happened(name):
        error = grounds.places[name].error
        assert re.search(r"Operation not permitted|not supported|Function not implemented|, 'raw'", error), error
        pytest.skip(f"this machine refuses it by itself: {error}")


@pytest.mark.parametrize("name", ["chmod", "utime", "stat", "kill", "limits", "path socket", "udp", "fork"])
def test_landlock_alone_would_not_have_stopped(ground: Path, name: str) -> None:
    """Why the allow-list is there. From ABI 6 on Landlock stops the signal too; a seal must hold before that."""
    root = ground / f"landlock-{list(ATTACKS).index(name)}"
    root.mkdir()
    grounds = Grounds(root, USERS[0])
    try:
        grounds.run("landlock", [name])
        assert grounds.happened(name), grounds.places[name]
    finally:
        grounds.close()


WORK_IMPORTS = """
import asyncio, concurrent.futures, datetime, decimal, hashlib, logging, random, secrets, select, sqlite3, uuid
"""
WORK = """
log = []
async def ping(reader, writer):
    writer.write(b"ping\\n"); await writer.drain()
    return await reader.readline()
async def main():
    reader, writer = await asyncio.open_connection(sock=home.dup())
    answer = await ping(reader, writer)
    inside = await asyncio.gather(asyncio.sleep(0.01, "slept"), asyncio.to_thread(lambda: sum(range(1000))))
    event = asyncio.Event(); asyncio.get_running_loop().call_later(0.01, event.set)
    await asyncio.wait_for(event.wait(), 5)
    a, b = socket.socketpair()
    r, _ = await asyncio.open_connection(sock=a); b.sendall(b"own pair\\n"); inside.append(await r.readline())
    return answer, inside
answer, inside = asyncio.run(main())
assert answer == b"pong\\n", answer
assert inside == ["slept", 499500, b"own pair\\n"], inside
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert sorted(pool.map(lambda n: n * n, range(50))) == sorted(n * n for n in range(50))
lock = threading.Lock(); box = []
def work():
    time.sleep(0.001)
    with lock: box.append(threading.get_native_id())
threads = [threading.Thread(target=work) for _ in range(20)]
[x.start() for x in threads]; [x.join() for x in threads]
assert len(box) == 20
db = sqlite3.connect(":memory:")
db.execute("create table t (n int, s text)")
db.executemany("insert into t values (?, ?)", [(n, str(n) * 50) for n in range(5000)])
db.commit()
assert db.execute("select count(*), max(n) from t where s like '1%'").fetchone() == (1111, 4999 and 1999)
db.execute("create index i on t (s)"); assert db.execute("select n from t order by s desc limit 1").fetchone() == (999,)
assert json.loads(json.dumps({"a": [1, None, "ü"]})) == {"a": [1, None, "ü"]}
assert time.monotonic() > 0 and time.time() > 0 and time.strftime("%Y") and datetime.datetime.now().astimezone()
assert len(secrets.token_bytes(16)) == 16 and uuid.uuid4() and random.random() < 1
assert hashlib.sha256(b"x").hexdigest()[:4] == "2d71"
assert decimal.Decimal("0.1") + 1 and datetime.datetime.strptime("2026-01-02", "%Y-%m-%d")
r, w = os.pipe(); os.write(w, b"x"); assert select.select([r], [], [], 1)[0] == [r] and os.read(r, 1) == b"x"
got = []
signal.signal(signal.SIGALRM, lambda *_: got.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.01)
while not got: time.sleep(0.005)
signal.signal(signal.SIGUSR1, lambda *_: got.append(2))
os.kill(os.getpid(), signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1)
assert got.count(2) == 2
logging.basicConfig(); logging.warning("to standard error")
memory = mmap.mmap(-1, 1 << 20); memory[:4] = b"data"; del memory
big = bytearray(64 << 20); del big
assert resource.getrlimit(resource.RLIMIT_NOFILE) and os.cpu_count() and os.getcwd()
import json as again
try:
    import this_is_nowhere
except ModuleNotFoundError as error:
    assert mode == "unsealed" or "preload" in str(error), error
else:
    raise AssertionError("imported")
try:
    {}["missing"]
except KeyError:
    logging.exception("with a traceback")
print("all of it works")
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", ["unsealed", "sealed"])
def test_ordinary_work_goes_on(mode: str, user: str, ground: Path) -> None:
    ours, its = socket.socketpair()
    order = {"home": its.fileno(), "mode": mode, "user": user}
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", IMPORTS + WORK_IMPORTS + SEALING + WORK, json.dumps(order)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[its.fileno()],
        cwd=ground,
    ) as process:
        its.close()
        assert ours.recv(64) in (b"ping\n", b"")
        ours.sendall(b"pong\n")
        out, err = process.communicate(timeout=40)
    ours.close()
    assert out == "all of it works\n", err
    assert "to standard error" in err
    assert "KeyError: 'missing'" in err


KILLED = {
    "second ABI of the processor": "libc.syscall(ctypes.c_long(0x40000000 + 39))",
    "calls of the 32-bit ABI": (
        "m = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()"
    ),
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86 has two more ABIs")
@pytest.mark.parametrize("name", KILLED)
@pytest.mark.parametrize("mode", ["sealed", "unsealed"])
def test_a_foreign_abi_ends_a_sealed_process(name: str, mode: str) -> None:
    ours, its = socket.socketpair()
    with ours, its:
        order = {"home": its.fileno(), "mode": mode, "user": "self"}
        done = launch(DRIVER + KILLED[name], order, its)
    assert done.returncode == (-signal.SIGSYS if mode == "sealed" else 0), done.stderr


REFUSED = {
    "a thread": ("x = threading.Thread(target=time.sleep, args=(60,), daemon=True); x.start()", "2 threads"),
    "a child": ("p = subprocess.Popen(['/bin/sleep', '5'], stdin=-3, stdout=-3, stderr=-3)", "started processes"),
    "an open file": ("f = open('/etc/passwd')", "/etc/passwd"),
    "an event loop": ("import asyncio; loop = asyncio.new_event_loop()", "eventpoll"),
    "a network socket": ("s = socket.socket()", "socket:"),
    "shared memory": ("m = mmap.mmap(-1, 4096)", "shared writably"),
    "shared memory that is read-only for now": (
        (
            "m = mmap.mmap(-1, 4096); at = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
            "assert libc.mprotect(ctypes.c_void_p(at), 4096, 1) == 0"
        ),
        "shared writably",
    ),
    "a datagram socket to keep": (
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); os.dup2(a.fileno(), order['home']); a.close()",
        "SOCK_DGRAM",
    ),
    "a file to keep": (
        "f = open('/etc/passwd'); os.dup2(f.fileno(), order['home']); f.close()",
        "no connected",
    ),
}
TRY = """
try:
    seals.seal([order["home"]])
except seals.CannotEnforce as error:
    print(error.diagnostics())
else:
    print("sealed")
if "p" in globals(): p.kill()
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize("name", REFUSED)
def test_a_process_is_not_sealed_while_something_of_it_would_stay_free(name: str) -> None:
    """Refused, with what it is and the fix; nothing was given up by then: the file can still be read."""
    source, word = REFUSED[name]
    ours, its = socket.socketpair()
    with ours, its:
        order = {"home": its.fileno(), "mode": "unsealed", "user": "self"}
        done = launch(DRIVER + source + TRY.replace("os._exit", "open('/etc/passwd').close(); os._exit"), order, its)
    assert "can't be sealed" in done.stdout, done.stdout + done.stderr
    assert word in done.stdout
    assert "fix:" in done.stdout


def test_known_children_and_private_or_read_only_maps_do_not_hinder() -> None:
    source = """
p = subprocess.Popen(['/bin/sleep', '60'], stdin=-3, stdout=-3, stderr=-3)
m = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
os.close(os.open('/dev/null', 0))
print(seals.seal([order['home']], children=[p.pid]).kept == (order['home'],))
print(seals.seal)
try:
    seals.seal([order['home']])
except seals.CannotEnforce as error:
    print(error.fix)
sys.stdout.flush()
os._exit(0)
"""
    ours, its = socket.socketpair()
    with ours, its:
        done = launch(DRIVER + source, {"home": its.fileno(), "mode": "unsealed", "user": "self"}, its)
    assert done.stdout.startswith("True\n"), done.stderr
    assert "only once" in done.stdout


def test_an_old_thread_would_have_stayed_free() -> None:
    """The precondition switched off: why one thread is demanded."""
    source = """
go, done, box = threading.Event(), threading.Event(), []
def old():
    go.wait(); box.append(open('/etc/passwd').read(4)); done.set()
threading.Thread(target=old, daemon=True).start()
seals.give_up(machine, program, landlock.handled(1))
go.set(); done.wait(5); print(box[0], flush=True); os._exit(0)
"""
    ours, its = socket.socketpair()
    with ours, its:
        done = launch(DRIVER + source, {"home": its.fileno(), "mode": "unsealed", "user": "self"}, its)
    assert done.stdout == "root\n", done.stderr


def test_a_crash_leaves_no_core_file(tmp_path: Path) -> None:
    for mode in ("sealed", "unsealed"):
        ours, its = socket.socketpair()
        with ours, its:
            order = {"home": its.fileno(), "mode": mode, "user": "self"}
            source = DRIVER.replace(
                "order = json", "resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))\norder = json"
            )
            done = launch(source + "ctypes.string_at(0)", order, its, cwd=tmp_path)
        assert done.returncode == -signal.SIGSEGV
        if mode == "sealed":
            assert list(tmp_path.iterdir()) == []


def test_the_package_is_imported_without_touching_ctypes() -> None:
    source = "import sys, nucleus, nucleus.seal.seal, nucleus.seal.landlock; print('ctypes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("platform_name", "machine_name", "word"),
    [("darwin", "arm64", "Linux only"), ("win32", "AMD64", "Linux only"), ("linux", "riscv64", "riscv64")],
)
def test_elsewhere_the_refusal_names_the_fix(
    monkeypatch: pytest.MonkeyPatch, platform_name: str, machine_name: str, word: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform_name)
    monkeypatch.setattr(platform, "machine", lambda: machine_name)
    with pytest.raises(CannotEnforce) as caught:
        supported()
    assert word in caught.value.diagnostics()
    assert "fix:" in caught.value.diagnostics()


BLOCKED = textwrap.dedent("""
    import sys
    from nucleus.seal import native, landlock
    from nucleus.seal.bpf import ALLOW, Alternative, Filter, assemble, errno
    from nucleus.seal.seal import seal, CannotEnforce
    from nucleus.seal.syscalls import MACHINES
    import platform
    machine = MACHINES[platform.machine()]
    native.no_new_privileges()
    native.install_filter(machine, assemble(Filter({sys.argv[1]: (Alternative(errno(38)),)}, otherwise=ALLOW), machine))
    try:
        seal([])
    except CannotEnforce as error:
        print(error.diagnostics())
""")


@pytest.mark.parametrize(
    ("call", "words"),
    [("seccomp", "CONFIG_SECCOMP_FILTER=y"), ("landlock_create_ruleset", "CONFIG_SECURITY_LANDLOCK=y")],
)
def test_a_kernel_without_the_mechanism_is_found_out_by_use(call: str, words: str) -> None:
    """Shown on this kernel by a filter that answers "no such system call"."""
    done = subprocess.run([sys.executable, "-c", BLOCKED, call], capture_output=True, text=True, check=True)
    assert words in done.stdout


def test_an_import_after_the_seal_says_what_to_do() -> None:
    with pytest.raises(ModuleNotFoundError, match="preload"):
        SealedImports().find_spec("numpy")
