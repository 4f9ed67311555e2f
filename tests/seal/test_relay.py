"""Standard streams of a sealed process go through a relay: bytes arrive, terminals and files stay out of reach."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.seal import relay

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seals are a Linux thing")

SEALED = """
import ctypes, fcntl, os, sys, termios
from nucleus.seal.seal import seal
os.closerange(3, 1024)
report = seal([])
"""


def on_terminal(source: str, typed: bytes = b"") -> tuple[bytes, int]:
    """Run ``source`` as the foreground job of a new terminal; return what was shown, and the status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", source])  # noqa: S606  the terminal's first program
    shown = b""
    try:
        while select.select([terminal], [], [], 20)[0]:
            piece = os.read(terminal, 4096)
            if typed and b"ready" in shown + piece:
                os.write(terminal, typed)
                typed = b""
            if not piece:
                break
            shown += piece
    except OSError:
        pass  # the terminal's other side is closed: all was shown
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return shown, status


def test_a_terminal_is_replaced_by_pipes_and_still_shows_and_types() -> None:
    source = SEALED + "print(os.isatty(0), report.relayed, 'ready', flush=True); print('got', input())"
    shown, status = on_terminal(source, b"hello\n")
    assert status == 0, shown
    assert b"False (0, 1, 2) ready" in shown
    assert b"got hello" in shown


@pytest.mark.parametrize(("prelude", "pushed"), [(SEALED, False), ("import fcntl, sys, termios\n", True)])
def test_input_is_pushed_into_a_terminal_only_without_the_relay(prelude: str, pushed: bool) -> None:
    """TIOCSTI, judged by what the terminal then has to read; many kernels refuse it to everybody."""
    source = prelude + (
        "try:\n    [fcntl.ioctl(0, 0x5412, c) for c in (b'x', b'\\n')]; print('pushed')\n"
        "except OSError as error:\n    print('refused', error.errno)\n"
    )
    shown, _ = on_terminal(source)
    if pushed and b"refused 5" in shown:
        pytest.skip("this kernel has dev.tty.legacy_tiocsti = 0")
    assert (b"pushed" in shown) is pushed


@pytest.mark.parametrize(("prelude", "told"), [(SEALED, False), ("import sys\n", True)])
def test_a_terminal_is_told_to_write_the_clipboard_only_without_the_relay(prelude: str, told: bool) -> None:
    shown, _ = on_terminal(prelude + "print('\\x1b]52;c;eA==\\x07done')")
    assert b"done" in shown
    assert (b"\x1b]52" in shown) is told


@pytest.mark.parametrize(("prelude", "kept"), [(SEALED, True), ("import os, sys\n", False)])
def test_a_log_file_on_standard_output_can_be_overwritten_only_without_the_relay(
    tmp_path: Path, prelude: str, kept: bool
) -> None:
    log = tmp_path / "log"
    log.write_text("earlier lines\n")
    source = prelude + ("try:\n    os.lseek(1, 0, 0); os.ftruncate(1, 0)\nexcept OSError:\n    pass\nprint('later')\n")
    with log.open("r+") as file:
        file.seek(0, os.SEEK_END)
        subprocess.run(
            [sys.executable, "-c", source], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, check=True
        )
    assert ("earlier lines\nlater\n" in log.read_text()) is kept


def test_all_output_is_there_when_the_process_has_ended(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    source = SEALED + "print('x' * 3_000_000); print('y' * 100_000, file=sys.stderr)"
    with out.open("w") as first, err.open("w") as second:
        subprocess.run(
            [sys.executable, "-c", source], stdin=subprocess.DEVNULL, stdout=first, stderr=second, check=True
        )
    assert len(out.read_text()) == 3_000_001
    assert len(err.read_text()) == 100_001


def test_input_from_a_file_arrives_whole_and_ends(tmp_path: Path) -> None:
    source_file = tmp_path / "in"
    source_file.write_bytes(b"0123456789" * 50_000)
    source = SEALED + "data = sys.stdin.buffer.read(); print(len(data), report.relayed)"
    with source_file.open("rb") as file:
        done = subprocess.run([sys.executable, "-c", source], stdin=file, capture_output=True, text=True, check=True)
    assert done.stdout == "500000 (0,)\n"


def test_pipes_and_the_null_device_need_no_relay() -> None:
    source = SEALED + "print(report.relayed, report.relay_pid)"
    done = subprocess.run(
        [sys.executable, "-c", source], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert done.stdout == "() 0\n"


def test_a_reader_that_goes_away_is_a_broken_pipe_for_the_writer(tmp_path: Path) -> None:
    done = tmp_path / "done"
    source = (
        "import os, sys\nfrom nucleus.seal import relay\nr, w = os.pipe(); os.dup2(w, 1); os.close(w)\n"
        "one = relay.start((1,)); os.close(r)\n"
        "try:\n    for _ in range(1000): os.write(1, b'x' * 4096)\n"
        f"except BrokenPipeError:\n    open({str(done)!r}, 'w').close()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True, stderr=subprocess.PIPE)
    assert done.exists()


def test_the_relay_ends_with_the_process_even_when_that_is_killed(tmp_path: Path) -> None:
    source = SEALED + "print(report.relay_pid, flush=True); import time; time.sleep(60)"
    out = tmp_path / "out"
    with (
        out.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-c", source], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE
        ) as process,
    ):
        deadline = time.monotonic() + 20
        while "\n" not in out.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        pid = int(out.read_text())
        os.kill(pid, 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        while Path(f"/proc/{pid}").exists() and b") Z" not in Path(f"/proc/{pid}/stat").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_the_relay_is_not_led_astray_by_variables_or_the_working_directory(tmp_path: Path) -> None:
    for name in ("json.py", "select.py", "nucleus.py", "sitecustomize.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'hijacked')!r}, 'w').close()\n")
    hostile = {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py"), "PYTHONHOME": ""}
    source = (
        f"import os\nfrom nucleus.seal import relay\nos.environ.update({hostile!r})\nos.chdir({str(tmp_path)!r})\n"
        "one = relay.start((1,)); print('through'); one.drain()"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "through\n"
    assert not (tmp_path / "hijacked").exists()


def test_nothing_is_started_for_no_streams() -> None:
    assert relay.start(()) is None


def test_a_relay_that_can_not_start_is_an_error_and_leaves_the_streams_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.fstat(0)
    for executable in ("", "/nonexistent/python"):
        monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(CannotEnforce) as caught:
            relay.start((0,))
        assert "fix:" in caught.value.diagnostics()
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(CannotEnforce, match="ended at once"):
        relay.start((0,))
    assert os.fstat(0) == before
