"""What a hostile program tries to get out of a box. Stands alone: it is copied to where it runs.

``python escapes.py`` reads a JSON object of places and marks, and tries each
way in a process of its own with a time limit. It judges nothing: what it gets
to see it prints, what it can reach it sends a mark to.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

WAYS: dict[str, Callable[[dict[str, Any], str], object]] = {}
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"keyctl": 250, "open_by_handle_at": 304, "io_uring_setup": 425, "unshare": 272, "add_key": 248},
    "aarch64": {"keyctl": 219, "open_by_handle_at": 265, "io_uring_setup": 425, "unshare": 97, "add_key": 217},
}[os.uname().machine]


def way(function: Callable[[dict[str, Any], str], object]) -> Callable[[dict[str, Any], str], object]:
    """Add one way. It gets the world and its own mark; what it returns is printed."""
    WAYS[function.__name__] = function
    return function


def call(name: str, *arguments: object) -> int:
    """Make a system call that Python has no name for. Raises OSError."""
    answer = int(libc.syscall(ctypes.c_long(NUMBERS[name]), *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), name)
    return answer


def slurp(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def spit(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


# Network. Each sends its mark to a listener of the host.


@way
def tcp(world: dict[str, Any], mark: str) -> None:
    with socket.create_connection(("127.0.0.1", world["tcp"]), 2) as sock:
        sock.sendall(mark.encode())


@way
def tcp_by_version_six(world: dict[str, Any], mark: str) -> None:
    with socket.create_connection(("::ffff:127.0.0.1", world["tcp"]), 2) as sock:
        sock.sendall(mark.encode())


@way
def another_loopback_address(world: dict[str, Any], mark: str) -> None:
    """Where this machine has a metadata service, the test gives it an address of 127/8."""
    with socket.create_connection(("127.169.254.169", world["metadata"]), 2) as sock:
        sock.sendall(b"GET /latest/meta-data/" + mark.encode() + b" HTTP/1.0\r\n\r\n")


@way
def udp(world: dict[str, Any], mark: str) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(mark.encode(), ("127.0.0.1", world["udp"]))


@way
def dns(world: dict[str, Any], mark: str) -> None:
    label = mark.encode()
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0" + bytes([len(label)]) + label + b"\7example\3com\0\0\1\0\1"
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(question, ("127.0.0.1", world["udp"]))


@way
def tcp_fast_open(world: dict[str, Any], mark: str) -> None:
    with socket.socket() as sock:
        sock.sendto(mark.encode(), socket.MSG_FASTOPEN, ("127.0.0.1", world["tcp"]))


@way
def mptcp(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as sock:
        sock.settimeout(2)
        sock.connect(("127.0.0.1", world["tcp"]))
        sock.sendall(mark.encode())


@way
def raw_socket(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.sendto(struct.pack(">HHHH", 9, world["udp"], 8 + len(mark), 0) + mark.encode(), ("127.0.0.1", 0))


# Inter-process communication.


@way
def abstract_socket(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + world["abstract"])
        sock.sendall(mark.encode())


@way
def path_socket(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(world["outside"] + "/socket")
        sock.sendall(mark.encode())


@way
def path_datagram(world: dict[str, Any], mark: str) -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(mark.encode(), world["outside"] + "/datagrams")


@way
def socket_in_the_workspace(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("socket")
        sock.sendall(mark.encode())


@way
def message_bus_of_the_environment(world: dict[str, Any], mark: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.environ["DBUS_SESSION_BUS_ADDRESS"].removeprefix("unix:path="))
        sock.sendall(b"\0AUTH EXTERNAL " + mark.encode() + b"\r\n")


@way
def shared_memory_of_system_v(world: dict[str, Any], mark: str) -> object:
    number = libc.shmget(world["shared_memory"], 64, 0)
    libc.shmat.restype = ctypes.c_void_p
    return ctypes.string_at(libc.shmat(number, None, 0o10000), 64) if number >= 0 else None


@way
def shared_memory_of_posix(world: dict[str, Any], mark: str) -> object:
    return slurp("/dev/shm/" + world["name"])


@way
def keyring(world: dict[str, Any], mark: str) -> object:
    number = call("keyctl", ctypes.c_long(10), ctypes.c_long(-4), b"user", world["name"].encode(), ctypes.c_long(0))
    buffer = ctypes.create_string_buffer(200)
    call("keyctl", ctypes.c_long(11), ctypes.c_long(number), buffer, ctypes.c_long(200))
    return buffer.value


# Processes.


@way
def environment_of_others(world: dict[str, Any], mark: str) -> object:
    return slurp(f"/proc/{world['victim']}/environ")


@way
def root_of_others(world: dict[str, Any], mark: str) -> object:
    return slurp(f"/proc/{world['victim']}/root{world['outside']}/root_of_others")


@way
def memory_of_others(world: dict[str, Any], mark: str) -> object:
    if libc.ptrace(16, world["victim"], None, None) != 0:  # PTRACE_ATTACH
        return None
    os.waitpid(world["victim"], 0x40000000)
    libc.ptrace(17, world["victim"], None, None)
    return mark


@way
def environment_of_everybody(world: dict[str, Any], mark: str) -> object:
    found = []
    for one in os.listdir("/proc"):
        try:
            found.append(slurp(f"/proc/{one}/environ") if one.isdigit() else "")
        except OSError:
            continue
    return [text for text in found if "TOKEN=" in text]


@way
def inherited_descriptors(world: dict[str, Any], mark: str) -> object:
    found = []
    for number in range(3, 200):
        try:
            os.lseek(number, 0, os.SEEK_SET)
            found.append(os.read(number, 1000))
        except OSError:
            continue
    return found


@way
def survivor(world: dict[str, Any], mark: str) -> None:
    """Outlive the command, and send when nobody looks any more."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.alarm(0)
            for number in range(3):
                os.close(number)
            time.sleep(1)
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(mark.encode(), ("127.0.0.1", world["udp"]))
            spit(world["outside"] + "/survived", mark)
        os._exit(0)
    os.wait()


@way
def ring_without_calls(world: dict[str, Any], mark: str) -> object:
    call("io_uring_setup", ctypes.c_long(4), ctypes.create_string_buffer(120))
    return mark


@way
def new_user_namespace(world: dict[str, Any], mark: str) -> object:
    call("unshare", ctypes.c_long(0x10000000))
    return mark


@way
def signal_to_others(world: dict[str, Any], mark: str) -> None:
    os.kill(world["victim"], signal.SIGUSR1)


# Files: read.


@way
def other_project(world: dict[str, Any], mark: str) -> object:
    return slurp(world["outside"] + "/other_project")


@way
def other_project_by_parent(world: dict[str, Any], mark: str) -> object:
    return slurp("../outside/other_project_by_parent")


@way
def other_project_by_link(world: dict[str, Any], mark: str) -> object:
    return slurp("link-out")


@way
def other_project_by_own_root(world: dict[str, Any], mark: str) -> object:
    return slurp(f"/proc/self/root{world['outside']}/other_project_by_own_root")


@way
def other_project_by_first_root(world: dict[str, Any], mark: str) -> object:
    return slurp(f"/proc/1/root{world['outside']}/other_project_by_first_root")


@way
def other_project_by_old_root(world: dict[str, Any], mark: str) -> object:
    for prefix in ("/oldroot", "/newroot", "/proc/1/cwd/..", ""):
        if os.path.exists(prefix + world["outside"]):
            return slurp(prefix + world["outside"] + "/other_project_by_old_root")
    return None


@way
def other_project_by_handle(world: dict[str, Any], mark: str) -> object:
    """Open a file by a handle that was made outside: that needs no path, only a mount of its file system."""
    here = os.open(".", os.O_RDONLY)
    handle = ctypes.create_string_buffer(bytes.fromhex(world["handle"]))
    return os.read(call("open_by_handle_at", ctypes.c_long(here), handle, ctypes.c_long(0)), 1000)


@way
def dot_env(world: dict[str, Any], mark: str) -> object:
    return slurp(".env")


@way
def dot_env_by_another_name(world: dict[str, Any], mark: str) -> object:
    return slurp("harmless.txt")


@way
def denied_by_policy(world: dict[str, Any], mark: str) -> object:
    return slurp("private/notes/deep.txt")


@way
def token_of_git(world: dict[str, Any], mark: str) -> object:
    return slurp(".git/config")


@way
def trace(world: dict[str, Any], mark: str) -> object:
    return slurp(world["state"] + "/traces/trace")


@way
def lower_layer_by_mount_table(world: dict[str, Any], mark: str) -> object:
    """Look where the mount table says that the layers are."""
    found = [world["outside"]] if not os.path.exists("/run/nucleus-self-test.py") else []
    for line in slurp("/proc/self/mountinfo").splitlines():
        for setting in line.replace("=", ",").replace(":", ",").split(","):
            if setting.startswith("/oldroot"):
                found += [setting, setting.removeprefix("/oldroot")]
    return [slurp(f"{one}/lower_layer_by_mount_table") for one in found if os.path.isdir(one)]


@way
def password_hashes(world: dict[str, Any], mark: str) -> object:
    return mark if "root:" in slurp("/etc/shadow") else None


# Files: write. Judged on the host.


@way
def source_file(world: dict[str, Any], mark: str) -> None:
    spit("source_file", mark)


@way
def deleted_file(world: dict[str, Any], mark: str) -> None:
    os.unlink("deleted_file")


@way
def renamed_folder(world: dict[str, Any], mark: str) -> None:
    os.rename("renamed_folder", "elsewhere")


@way
def mode_of_a_file(world: dict[str, Any], mark: str) -> None:
    os.chmod("mode_of_a_file", 0o4700)


@way
def hook_of_git(world: dict[str, Any], mark: str) -> None:
    spit(".git/hooks/post-commit", mark)


@way
def mapped_file(world: dict[str, Any], mark: str) -> None:
    import mmap

    with open("mapped_file", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[: len(mark)] = mark.encode()


@way
def file_outside(world: dict[str, Any], mark: str) -> None:
    spit(world["outside"] + "/file_outside", mark)


@way
def file_by_own_root(world: dict[str, Any], mark: str) -> None:
    spit(f"/proc/self/root{world['outside']}/file_by_own_root", mark)


@way
def state_directory(world: dict[str, Any], mark: str) -> None:
    spit(world["state"] + "/state_directory", mark)


@way
def forged_trace(world: dict[str, Any], mark: str) -> None:
    with open(world["state"] + "/traces/trace", "a", encoding="utf-8") as file:
        file.write(mark)


@way
def file_through_a_link(world: dict[str, Any], mark: str) -> None:
    os.symlink(world["outside"] + "/file_through_a_link", "new-link")
    spit("new-link", mark)


def attempt(name: str, world: dict[str, Any]) -> None:
    """Try one way in a process of its own, for at most five seconds."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    signal.alarm(5)
    try:
        print(name, WAYS[name](world, world["marks"][name]), flush=True)
    except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        print(name, "held:", type(error).__name__, error, flush=True)
    finally:
        os._exit(0)


if __name__ == "__main__":
    the_world = json.load(sys.stdin)
    for each in the_world["ways"]:
        attempt(each, the_world)
