"""The thin end of a hook: 0 only after it read 0, 2 for everything else, whatever language it is in.

Real programs, started by a shell as clients start them, against a socket of this process.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nucleus.clients import hookscript

PERL = shutil.which("perl")
LANGUAGES = {"perl": [PERL or "perl"], "python": [sys.executable, "-I", "-S", "-B"]}
LAST = "nucleus: the tool was not allowed\n"
EVENT = b'{"tool_name": "Read", "text": "' + b"x" * 300_000 + b'"}\n'


@pytest.fixture(params=LANGUAGES)
def hook(request: pytest.FixtureRequest, tmp_path: Path) -> "Hook":
    if request.param == "perl" and PERL is None:
        pytest.skip("no perl here")
    return Hook(request.param, tmp_path / 'od"d $x @y %d')


class Hook:
    """One hook of this process, which is the client."""

    def __init__(self, language: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.path = folder / "hook"
        fallback = ("/bin/sh", "-c", "echo opened >&2; exit 2")
        self.path.write_text(hookscript.script(language, "claude-code", str(folder), fallback))
        self.command = hookscript.command(LANGUAGES[language], str(self.path), 1)

    def __call__(self, command: str = "") -> tuple[int, bytes, str]:
        done = subprocess.run(
            ["/bin/sh", "-c", command or self.command], input=EVENT, capture_output=True, check=False, timeout=60
        )
        return done.returncode, done.stdout, done.stderr.decode().removesuffix(LAST)

    def answered(self, answer: bytes) -> tuple[tuple[int, bytes, str], bytes]:
        """Return what the hook did when the session answered this, and what it had said."""
        heard: list[bytes] = []
        with socket.socket(socket.AF_UNIX) as listener:
            self.bind(listener)

            def one() -> None:
                sock, _ = listener.accept()
                with sock:
                    said = b""
                    while chunk := sock.recv(65536):
                        said += chunk
                    heard.append(said)
                    sock.sendall(answer)

            listener.settimeout(10)
            thread = threading.Thread(target=one, daemon=True)
            thread.start()
            done = self()
            thread.join(10)
        return done, heard[0]

    def bind(self, listener: socket.socket) -> None:
        here = Path.cwd()
        os.chdir(self.folder)  # the full path may be longer than a socket's name
        listener.bind(f"{os.getpid()}.sock")
        os.chdir(here)
        listener.listen()


def test_it_hands_the_whole_event_over_and_says_nothing_on_allow(hook: Hook) -> None:
    assert hook.answered(b"0\n") == ((0, b"", ""), b"claude-code\n" + EVENT)


def test_a_refusal_is_told_and_is_2(hook: Hook) -> None:
    assert hook.answered(b"2 approval required [1f3a]\n")[0] == (2, b"", "nucleus: approval required [1f3a]\n")


@pytest.mark.parametrize("answer", [b"", b"0", b"0\n0\n", b"1\n", b"00\n", b"2", b"{}", b"\xff" * 70_000])
def test_whatever_is_not_exactly_0_is_2(hook: Hook, answer: bytes) -> None:
    status, out, said = hook.answered(answer)[0]
    assert (status, out) == (2, b"")
    assert said.startswith("nucleus: ")


def test_where_no_socket_is_there_it_becomes_the_program_that_opens_the_session(hook: Hook) -> None:
    assert hook() == (2, b"", "opened\n")


def test_a_socket_that_nobody_listens_at_is_none(hook: Hook) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        hook.bind(listener)
    assert hook() == (2, b"", "opened\n")


def test_a_program_that_is_gone_spoilt_or_killed_is_2(hook: Hook) -> None:
    assert hook(hook.command.replace("made:1", "made:1; kill -9 $$"))[0] in {-9, 2}
    text = hook.path.read_text()
    hook.path.write_text("(" + text)
    assert hook()[0] == 2
    hook.path.write_text("kill 9, $$;" if "sysread" in text else "import os\nos.kill(os.getpid(), 9)\n")
    assert hook()[0] == 2
    hook.path.unlink()
    assert hook()[0] == 2


def test_with_its_last_words_left_out_a_spoilt_hook_would_be_another_status(hook: Hook) -> None:
    """A client goes on after any status but 2: the last words are what makes a broken hook a refusal."""
    hook.path.write_text("exit 7" if "sysread" in hook.path.read_text() else "raise SystemExit(7)")
    assert hook()[0] == 2
    assert hook(hook.command.removesuffix(f" || {hookscript.REFUSED}"))[0] == 7


def test_nobody_who_answers_in_time_is_2(hook: Hook) -> None:
    hook.path.write_text(
        hook.path.read_text()
        .replace(f"alarm {hookscript.SECONDS}", "alarm 1")
        .replace(f"alarm({hookscript.SECONDS})", "alarm(1)")
    )
    with socket.socket(socket.AF_UNIX) as listener:
        hook.bind(listener)
        assert hook() == (2, b"", "nucleus: no answer in time; nothing was allowed\n")


def test_names_with_quotes_reach_the_shell_whole() -> None:
    words = hookscript.command(["/usr/bin/perl"], "/it's here/x'.pl", 2).removesuffix(f" || {hookscript.REFUSED}")
    shown = words.replace("'/usr/bin/perl'", "printf '%s|'")
    done = subprocess.run(["/bin/sh", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout == "/it's here/x'.pl|made:2|"


def test_there_is_always_a_reason_on_standard_error(hook: Hook) -> None:
    """Codex takes a status of 2 without one for a hook that failed."""
    hook.path.write_text("exit 2" if "sysread" in hook.path.read_text() else "raise SystemExit(2)")
    done = subprocess.run(["/bin/sh", "-c", hook.command], input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", LAST)
