"""Ways by communication between processes: sockets with and without a path, queues, memory, keys."""

import ctypes
import os
import socket

from .base import NUMBERS, World, call, checked, finds, libc, send, slurp, way


@way
def abstract_socket(world: World, mark: str) -> None:
    send("\0" + world["abstract"], mark)


@way
def path_socket(world: World, mark: str) -> None:
    send(world["outside"] + "/socket", mark)


@way
def path_socket_by_own_root(world: World, mark: str) -> None:
    os.chdir(f"/proc/self/root{world['outside']}")
    send("socket", mark)


@way
def path_datagram(world: World, mark: str) -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(mark.encode(), world["outside"] + "/datagrams")


@way
def socket_in_the_workspace(world: World, mark: str) -> None:
    send("socket", mark)


@way
def socket_in_the_temporary_directory(world: World, mark: str) -> None:
    """Where tmux, X11 and debuggers have theirs."""
    send(world["temporary"] + "/socket", mark)


@way
def window_system_by_path(world: World, mark: str) -> None:
    send(world["x11"], mark)


@way
def window_system_by_abstract_name(world: World, mark: str) -> None:
    send("\0" + world["x11"], mark)


@way
def message_bus_of_the_session(world: World, mark: str) -> None:
    send(os.environ["DBUS_SESSION_BUS_ADDRESS"].removeprefix("unix:path="), f"\0AUTH EXTERNAL {mark}\r\n")


@way
def message_bus_by_its_usual_path(world: World, mark: str) -> None:
    send(world["bus"], f"\0AUTH EXTERNAL {mark}\r\n")


@way
def agent_of_ssh(world: World, mark: str) -> None:
    send(os.environ["SSH_AUTH_SOCK"], mark)


@way
def agent_of_gpg(world: World, mark: str) -> None:
    send(world["agents"] + "/S.gpg-agent", mark)


@way
def container_engine(world: World, mark: str) -> None:
    send(os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or world["agents"] + "/docker.sock", mark)


@way
def window_system_of_the_environment(world: World, mark: str) -> None:
    send(os.environ["XDG_RUNTIME_DIR"] + "/" + os.environ["WAYLAND_DISPLAY"], mark)


@way
def pipe_with_a_name(world: World, mark: str) -> None:
    with open(world["outside"] + "/fifo", "wb", buffering=0) as file:
        file.write(mark.encode())


@way
def pipe_with_a_name_in_the_workspace(world: World, mark: str) -> None:
    number = os.open("fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.write(number, mark.encode())


@finds
def shared_memory_of_system_v(world: World, mark: str) -> object:
    number = checked(libc.shmget(world["shared_memory"], 64, 0))
    libc.shmat.restype = ctypes.c_void_p
    return ctypes.string_at(libc.shmat(number, None, 0o10000), 64)


@finds
def messages_of_system_v(world: World, mark: str) -> object:
    number = checked(libc.msgget(world["messages"], 0))
    buffer = ctypes.create_string_buffer(200)
    checked(libc.msgrcv(number, buffer, ctypes.c_size_t(100), ctypes.c_long(0), 0o4000))
    return buffer.raw


@way
def semaphores_of_system_v(world: World, mark: str) -> None:
    number = checked(libc.semget(world["semaphores"], 1, 0))
    checked(libc.semctl(number, 0, 16, 7))  # SETVAL


@finds
def shared_memory_of_posix(world: World, mark: str) -> object:
    return slurp("/dev/shm/" + world["name"])


@finds
def messages_of_posix(world: World, mark: str) -> object:
    queue = call("mq_open", world["name"].encode(), 0o4000, 0, None)
    buffer = ctypes.create_string_buffer(8192)
    call("mq_timedreceive", queue, buffer, ctypes.c_size_t(8192), None, None)
    return buffer.value


@finds
def keyring(world: World, mark: str) -> object:
    number = call("keyctl", ctypes.c_long(10), ctypes.c_long(-4), b"user", world["name"].encode(), ctypes.c_long(0))
    buffer = ctypes.create_string_buffer(200)
    call("keyctl", ctypes.c_long(11), ctypes.c_long(number), buffer, ctypes.c_long(200))
    return buffer.value


@way
def typing_into_a_terminal(world: World, mark: str) -> None:
    """TIOCSTI: what is typed so is read by whoever sits behind that terminal."""
    import fcntl

    number = os.open(world["terminal"], os.O_RDWR | os.O_NOCTTY)
    for letter in mark + "\n":
        fcntl.ioctl(number, 0x5412, letter.encode())


@way
def writing_to_a_terminal(world: World, mark: str) -> None:
    """Escape sequences for the terminal of somebody else."""
    number = os.open(world["terminal"], os.O_WRONLY | os.O_NOCTTY)
    os.write(number, b"\x1b]0;" + mark.encode() + b"\x07")


assert NUMBERS
