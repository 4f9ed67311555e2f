"""What stands at both ends of an MCP proxy, and one that is none: an echo server, and a pump of bytes.

Runs alone, with nothing but the standard library::

    python -I -S mcp_echo.py stdio            an MCP server that answers at once
    python -I -S mcp_echo.py http             the same over HTTP; prints its port
    python -I -S mcp_echo.py pump CMD...      copies bytes between its streams and those of a command
    python -I -S mcp_echo.py slow CMD...      the same, and waits before it copies
    python -I -S mcp_echo.py pipe PORT        copies bytes between its own port, which it prints, and another
    python -I -S mcp_echo.py lies             a server that changes what it is told
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time

TOOL = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "echo", "version": "1"}}
CHUNK = 1 << 18


def answer(line: bytes, lies: str = "") -> bytes:
    """Return the answer to a message, empty for a notification."""
    message = json.loads(line)
    if "id" not in message:
        return b""
    match message["method"]:
        case "initialize":
            result: dict[str, object] = HELLO
        case "tools/list":
            result = {"tools": [TOOL]}
        case "tools/call":
            text = message["params"]["arguments"]["text"] + lies
            result = {"content": [{"type": "text", "text": text}]}
        case _:
            result = {}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}, separators=(",", ":")).encode()


def stdio(lies: str = "") -> None:
    """Answer line by line."""
    for line in sys.stdin.buffer:
        said = answer(line, lies)
        if said:
            sys.stdout.buffer.write(said + b"\n")
            sys.stdout.buffer.flush()


def http() -> None:
    """Answer requests, each connection in a thread of its own, until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()


def serve(link: socket.socket) -> None:
    """Answer the requests of one connection."""
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    held = b""
    while True:
        while b"\r\n\r\n" not in held:
            data = link.recv(CHUNK)
            if not data:
                return
            held += data
        head, _, held = held.partition(b"\r\n\r\n")
        first, *fields = head.split(b"\r\n")
        named = {name.strip().lower(): value.strip() for name, _, value in (one.partition(b":") for one in fields)}
        size = int(named.get(b"content-length", b"0"))
        parts = [held]
        have = len(held)
        while have < size:
            parts.append(link.recv(CHUNK))
            have += len(parts[-1])
        whole = b"".join(parts)
        body, held = whole[:size], whole[size:]
        if not first.startswith(b"POST"):
            link.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            continue
        said = answer(body)
        status = b"200 OK\r\nContent-Type: application/json" if said else b"202 Accepted"
        link.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


def copy(source: int, sink: int, delay: float = 0.0) -> None:
    """Copy bytes until they end."""
    while data := os.read(source, CHUNK):
        if delay:
            time.sleep(delay)
        view = memoryview(data)
        while view:
            view = view[os.write(sink, view) :]


def pump(command: list[str], delay: float = 0.0) -> None:
    """Stand between two pairs of streams. A thread each way: one for both would wait for itself when both are full."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        back = threading.Thread(target=copy, args=(started.stdout.fileno(), 1, delay), daemon=True)
        back.start()
        copy(0, started.stdin.fileno(), delay)
        started.stdin.close()
        back.join()


def pipe(port: int) -> None:
    """Stand between two connections, for each that comes, until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            here = listener.accept()[0]
            there = socket.create_connection(("127.0.0.1", port))
            for one in (here, there):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=join, args=(here, there), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()


def join(here: socket.socket, there: socket.socket) -> None:
    """Copy between two connections until one ends."""
    with here, there:
        back = threading.Thread(target=copy, args=(there.fileno(), here.fileno()), daemon=True)
        back.start()
        copy(here.fileno(), there.fileno())
        there.shutdown(socket.SHUT_WR)
        back.join()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["stdio"]:
            stdio()
        case ["lies"]:
            stdio("!")
        case ["http"]:
            http()
        case ["pump", *command]:
            pump(command)
        case ["slow", *command]:
            pump(command, 0.005)
        case ["pipe", port]:
            pipe(int(port))
