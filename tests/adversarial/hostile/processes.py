"""Ways by other processes, by the kernel, and by outliving the run."""

import ctypes
import mmap
import os
import platform
import resource
import signal
import socket
import subprocess
import time

from .base import World, call, finds, libc, slurp, spit, way


@finds
def environment_of_others(world: World, mark: str) -> object:
    return slurp(f"/proc/{world['victim']}/environ")


@finds
def environment_of_everybody(world: World, mark: str) -> object:
    found = []
    for one in os.listdir("/proc"):
        try:
            found.append(slurp(f"/proc/{one}/environ") if one.isdigit() else "")
        except OSError:
            continue
    return [text for text in found if "TOKEN=" in text]


@finds
def command_lines_of_everybody(world: World, mark: str) -> object:
    found = []
    for one in os.listdir("/proc"):
        try:
            found.append(slurp(f"/proc/{one}/cmdline") if one.isdigit() else "")
        except OSError:
            continue
    return [text for text in found if "sleep" in text]


@finds
def root_of_others(world: World, mark: str) -> object:
    return slurp(f"/proc/{world['victim']}/root{world['outside']}/root_of_others")


@finds
def files_of_others(world: World, mark: str) -> object:
    """Through the open files of another process."""
    return slurp(f"/proc/{world['victim']}/fd/0")


@finds
def descriptors_of_others(world: World, mark: str) -> object:
    """Take a descriptor out of another process."""
    number = call("pidfd_getfd", os.pidfd_open(world["victim"]), 0, 0)
    return os.pread(number, 1000, 0)


@way
def tracing_others(world: World, mark: str) -> object:
    if libc.ptrace(16, world["victim"], None, None) != 0:  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(world["victim"], 0x40000000)
    libc.ptrace(17, world["victim"], None, None)
    return mark


@finds
def memory_of_others(world: World, mark: str) -> object:
    """Read a stack: the environment of a process lies there."""
    for line in slurp(f"/proc/{world['victim']}/maps").splitlines():
        if line.endswith("[stack]"):
            begin, end = (int(text, 16) for text in line.split()[0].split("-"))
            with open(f"/proc/{world['victim']}/mem", "rb", buffering=0) as file:
                file.seek(begin)
                return file.read(end - begin)
    return None


@finds
def inherited_descriptors(world: World, mark: str) -> object:
    found = []
    for number in range(3, 200):
        try:
            os.lseek(number, 0, os.SEEK_SET)
            found.append(os.read(number, 1000))
        except OSError:
            continue
    return found


@way
def signal_to_others(world: World, mark: str) -> None:
    os.kill(world["signalled"], signal.SIGUSR1)


@way
def limits_of_others(world: World, mark: str) -> None:
    resource.prlimit(world["victim"], resource.RLIMIT_NOFILE, (77, 77))


@way
def priority_of_others(world: World, mark: str) -> None:
    os.setpriority(os.PRIO_PROCESS, world["victim"], 7)


@way
def survivor(world: World, mark: str) -> None:
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
def survivor_that_writes_late(world: World, mark: str) -> None:
    """Change the workspace after the command has ended, when its changes are being looked at."""
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if os.fork() == 0:
            signal.alarm(0)
            for number in range(3):
                os.close(number)
            time.sleep(1)
            spit("late", mark)
        os._exit(0)
    os.wait()


@way
def ring_without_calls(world: World, mark: str) -> object:
    call("io_uring_setup", ctypes.c_long(4), ctypes.create_string_buffer(120))
    return mark


@way
def new_user_namespace(world: World, mark: str) -> object:
    call("unshare", ctypes.c_long(0x10000000))
    return mark


@way
def new_user_namespace_by_clone(world: World, mark: str) -> object:
    done = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False)
    return mark if done.returncode == 0 else done.stderr


@way
def new_mount(world: World, mark: str) -> object:
    """Show a directory at another place."""
    call("unshare", ctypes.c_long(0x00020000))
    if libc.mount(b"/usr", b"/mnt", None, 4096, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    return mark


@way
def another_root(world: World, mark: str) -> object:
    os.chroot("/usr")
    return mark


@way
def call_of_another_architecture(world: World, mark: str) -> object:
    """getpid(2) by the old gate of 32-bit programs: a filter that looks at numbers only sees another call."""
    if platform.machine() != "x86_64":
        return None
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return mark if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0 else None


@way
def measuring_the_kernel(world: World, mark: str) -> object:
    call("perf_event_open", (b"\1\0\0\0\x70\0\0\0" + bytes(104)), 0, -1, -1, 0)
    return mark


@way
def program_in_the_kernel(world: World, mark: str) -> object:
    call(
        "bpf", 0, bytes([2, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0]) + bytes(100), 116
    )  # BPF_MAP_CREATE, an array
    return mark


@way
def faults_answered_by_hand(world: World, mark: str) -> object:
    call("userfaultfd", 1)
    return mark


@way
def set_uid_program(world: World, mark: str) -> object:
    """Start a program of root's with the set-uid bit, not being root."""
    if os.getuid() == 0:
        return None
    done = subprocess.run([os.path.abspath("set-uid"), "-u"], capture_output=True, text=True, check=False)
    return mark if done.stdout.strip() == "0" else done.stdout


@finds
def messages_of_the_kernel(world: World, mark: str) -> object:
    """Read what the kernel logged: addresses, devices, other people's crashes."""
    buffer = ctypes.create_string_buffer(1 << 16)
    if libc.klogctl(3, buffer, 1 << 16) < 0:
        raise OSError(ctypes.get_errno(), "syslog")
    return world["kernel_mark"]


@way
def settings_of_the_kernel(world: World, mark: str) -> object:
    """Open what says where core files go: the kernel starts such a program, outside. Nothing is written."""
    with open("/proc/sys/kernel/core_pattern", "r+b", buffering=0):
        return mark


@way
def triggers_of_the_kernel(world: World, mark: str) -> object:
    """Open what reboots a machine with one letter. None is written."""
    with open("/proc/sysrq-trigger", "wb", buffering=0):
        return mark


@way
def group_of_processes(world: World, mark: str) -> None:
    os.mkdir(world["cgroup"])


@way
def name_of_the_machine(world: World, mark: str) -> object:
    return mark if socket.gethostname() == world["hostname"] else None
