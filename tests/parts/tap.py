"""Stand between a client and what it started, change nothing, and write down every line with its direction.

``python -I -S tap.py LOG CMD...``
"""

import os
import signal
import subprocess
import sys
import threading


def relay(source: int, sink: int, log: int, mark: bytes) -> None:
    """Copy lines, each into the log before it goes on."""
    with os.fdopen(source, "rb", closefd=False) as lines:
        for line in lines:
            os.write(log, mark + line)
            view = memoryview(line)
            while view:
                view = view[os.write(sink, view) :]
    os.close(sink)


def main() -> int:
    """Run the command between the two streams; return its status."""
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    started = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdin is not None
    assert started.stdout is not None
    inward = threading.Thread(target=relay, args=(0, os.dup(started.stdin.fileno()), log, b"> "), daemon=True)
    started.stdin.close()
    inward.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: started.send_signal(number))
    relay(started.stdout.fileno(), os.dup(1), log, b"< ")
    return started.wait()


if __name__ == "__main__":
    os._exit(main())
