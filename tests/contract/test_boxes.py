"""One contract for every box: what holds whichever backend it is made by. The same body runs over all of them."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Box, Outcome
from nucleus.local.backends import NAMES, box
from tests.local.box import needs_box, output, permit, private


def _missing(name: str, state: str) -> str:
    try:
        box(state, name).probe()
    except CannotEnforce as error:
        return error.diagnostics()
    return ""


@pytest.fixture(params=[pytest.param(name, marks=[needs_box] if name == "ns" else []) for name in NAMES])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    found = str(request.param)
    if found != "ns":
        why = _missing(found, str(private(tmp_path / "tried")))
        if why:
            pytest.skip(why)
    return found


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return private(tmp_path / "state")


@pytest.fixture
def made(name: str, state: Path) -> Box:
    return box(str(state), name)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("print('app')\n")
    return folder


@pytest.fixture
def secret() -> Iterator[Path]:
    """Make a file of this user's that lies in no workspace."""
    place = Path(f"/var/tmp/nucleus-{secrets.token_hex(8)}")
    place.write_text("canary")
    yield place
    place.unlink()


def test_a_report_says_by_what_it_is_held_and_whether_it_vouches(made: Box, name: str) -> None:
    report = made.probe()
    assert report.backend == name
    assert report.attested is (name == "ns"), "only a transaction without a network is vouched for"
    assert all(report.layers.values())
    assert made.probe() is report
    if not report.attested:
        assert "no transaction" in report.layers["not given"]


def test_output_status_errors_and_input_go_through(made: Box, workspace: Path) -> None:
    outcome = made.run(permit(workspace, "sh", "-c", "cat; echo oops >&2; exit 7"), b"in\0put")
    assert (outcome.status, outcome.body) == ("ok", b"in\0put")
    assert {key: outcome.value[key] for key in ("status", "stderr", "stderr_cut")} == {
        "status": 7,
        "stderr": "oops\n",
        "stderr_cut": 0,
    }


def test_the_workspace_is_worked_in_and_whether_that_counts_is_told(made: Box, name: str, workspace: Path) -> None:
    script = "cat src/app.py && echo more > src/new.py && mv src/new.py newer.py && mkdir -p a/b && rm src/app.py"
    outcome = made.run(permit(workspace, "sh", "-c", script), b"")
    assert output(outcome) == "print('app')\n"
    there = sorted(path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file())
    assert outcome.value["applied"] is (name == "ll")
    assert there == (["newer.py"] if outcome.value["applied"] else ["src/app.py"])


def test_a_file_outside_is_neither_read_nor_written(made: Box, workspace: Path, secret: Path) -> None:
    """By a plain process it is."""
    script = (
        f"cat {secret}; echo changed > {secret}; ln {secret} linked; chmod 777 {secret}; touch -d @77 {secret}; true"
    )
    before = secret.stat()
    outcome = made.run(permit(workspace, "sh", "-c", script), b"")
    assert "canary" not in output(outcome)
    assert secret.read_text() == "canary"
    after = secret.stat()
    assert (after.st_mode, after.st_mtime, after.st_nlink) == (before.st_mode, before.st_mtime, before.st_nlink)
    done = subprocess.run(["sh", "-c", script], cwd=workspace, capture_output=True, text=True, check=False)
    assert "canary" in done.stdout
    assert secret.read_text() == "changed\n"


def test_nothing_of_home_or_of_the_state_directory_is_listed(made: Box, workspace: Path, state: Path) -> None:
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    (state / "trace").write_text("canary")
    script = f"ls -a {home} {state}; cat {state}/trace; true"
    assert output(made.run(permit(workspace, "sh", "-c", script), b"")).replace("\n", " ").split()[:1] in (
        [],
        [f"{home}:"],
        ["."],
    )


REACH = """
import socket, sys
tcp, udp, path, abstract = sys.argv[1:5]
def tried(family, kind, address):
    try:
        with socket.socket(family, kind) as sock:
            sock.settimeout(1)
            sock.connect(address)
            sock.send(b"mark")
    except OSError as error:
        print(error.errno)
tried(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int(tcp)))
tried(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int(udp)))
tried(socket.AF_UNIX, socket.SOCK_STREAM, path)
tried(socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + abstract)
one, other = socket.socketpair()
one.send(b"own"); assert other.recv(3) == b"own"
"""


def test_no_listener_of_the_host_is_reached(made: Box, workspace: Path) -> None:
    """By a plain process all four are."""
    name = f"nucleus-{secrets.token_hex(6)}"
    path = Path("/var/tmp") / name
    sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    sockets[1].bind(("127.0.0.1", 0))
    for address in (str(path), f"\0{name}"):
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(address)
        sockets[-1].listen()
    try:
        words = ["-I", "-S", "-c", REACH, *(str(sock.getsockname()[1]) for sock in sockets[:2]), str(path), name]
        made.run(permit(workspace, "/usr/bin/python3", *words), b"")
        assert [_heard(sock) for sock in sockets] == [False] * 4
        subprocess.run(["/usr/bin/python3", *words], check=True)
        assert [_heard(sock) for sock in sockets] == [True] * 4
    finally:
        path.unlink()
        for sock in sockets:
            sock.close()


def _heard(sock: socket.socket) -> bool:
    """Whether something came."""
    sock.settimeout(0.3)
    try:
        if sock.type == socket.SOCK_DGRAM:
            return sock.recv(100) == b"mark"
        peer, _ = sock.accept()
        with peer:
            return peer.recv(100) == b"mark"
    except TimeoutError:
        return False


def test_other_processes_are_neither_signalled_nor_looked_into(made: Box, workspace: Path) -> None:
    with subprocess.Popen(["sleep", "60"], env={"TOKEN": "canary"}) as victim:
        number = victim.pid
        script = f"kill -9 {number}; cat /proc/{number}/environ; ls -l /proc/{number}/fd; renice 7 {number}; true"
        assert "canary" not in output(made.run(permit(workspace, "sh", "-c", script), b""))
        assert victim.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == 0
        victim.kill()
    assert victim.returncode == -signal.SIGKILL


def test_nothing_outlives_the_run(made: Box, workspace: Path) -> None:
    """However it detaches: new sessions, two forks, ignored signals, closed streams."""
    mark = f"{secrets.randbelow(10**6)}.25"
    inner = f"(sleep {mark} >/dev/null 2>&1 </dev/null &) & sleep {mark} &"
    script = f"(setsid sh -c 'trap \"\" TERM HUP; {inner}' &) ; echo done"
    assert output(made.run(permit(workspace, "sh", "-c", script), b"")) == "done\n"
    assert _running(mark) == []


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(made: Box, workspace: Path) -> None:
    mark = f"{secrets.randbelow(10**6)}.75"
    outcome = made.run(permit(workspace, "sh", "-c", f"setsid sleep {mark} & sleep {mark}", seconds=3), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", "TimeoutError")
    assert _running(mark) == []


def _running(mark: str) -> list[str]:
    """Return the processes that have a word in their command line."""
    found = []
    for one in os.listdir("/proc"):
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0") if one.isdigit() else []
        except OSError:
            continue
        if mark.encode() in words:
            found.append(one)
    return found


def test_a_box_ends_with_the_process_that_made_it(name: str, state: Path, workspace: Path) -> None:
    mark = f"{secrets.randbelow(10**6)}.5"
    source = (
        "import sys; from tests.local.box import permit; from pathlib import Path\n"
        "from nucleus.local.backends import box\n"
        f"words = ['sh', '-c', 'setsid sleep {mark} & sleep {mark}']\n"
        f"box(sys.argv[1], {name!r}).run(permit(Path(sys.argv[2]), *words), b'')\n"
    )
    root = Path(__file__).parents[2]
    maker = subprocess.Popen([sys.executable, "-c", source, str(state), str(workspace)], cwd=root)
    end = time.monotonic() + 20
    while len(_running(mark)) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    maker.kill()
    maker.wait()
    while _running(mark):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_too_much_output_is_an_error(made: Box, workspace: Path) -> None:
    outcome = made.run(permit(workspace, "yes", limit=50_000), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", "OSError")


@pytest.mark.parametrize(("word", "kind"), [("no-such-command", "FileNotFoundError"), ("./src", "PermissionError")])
def test_a_command_that_can_not_be_started_is_a_plain_failure(made: Box, workspace: Path, word: str, kind: str) -> None:
    outcome = made.run(permit(workspace, word), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", kind)


@pytest.mark.parametrize("cwd", ["absent", "src/app.py", "link", ".."])
def test_a_working_directory_that_is_not_in_the_workspace_is_a_plain_failure(
    made: Box, workspace: Path, cwd: str
) -> None:
    (workspace / "link").symlink_to("/usr")
    outcome: Outcome | CannotEnforce
    try:
        outcome = made.run(permit(workspace, "pwd", cwd=cwd), b"")
    except CannotEnforce as error:
        outcome = error
    assert isinstance(outcome, CannotEnforce) or outcome.value["type"] == "FileNotFoundError"


def test_the_environment_is_empty_but_for_a_reviewed_list(
    made: Box, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "canary")
    names = {line.split("=")[0] for line in output(made.run(permit(workspace, "env"), b"")).splitlines()}
    assert names <= {"PATH", "LANG", "TERM", "TMPDIR", "HOME", "USER", "LOGNAME", "PWD", "SHLVL", "_"}
    assert "HOME" in names


def test_temporary_files_and_home_are_there_and_gone_afterwards(made: Box, workspace: Path, state: Path) -> None:
    script = "echo x > $TMPDIR/file && echo y > ~/file && cat $TMPDIR/file ~/file"
    assert output(made.run(permit(workspace, "sh", "-c", script), b"")) == "x\ny\n"
    assert output(made.run(permit(workspace, "sh", "-c", "ls $TMPDIR ~ | grep -cx file || true"), b"")) == "0\n"
    assert os.listdir(state / "boxes") == []


@pytest.mark.parametrize("path", [".env", "private/notes.txt", ".git/config"])
def test_what_is_to_be_hidden_is_never_seen(made: Box, workspace: Path, path: str) -> None:
    """Hidden, or the whole run is refused: never shown."""
    place = workspace / path
    place.parent.mkdir(exist_ok=True)
    place.write_text('[remote "o"]\n\turl = https://canary@example.com/\n')
    try:
        outcome = made.run(permit(workspace, "sh", "-c", f"cat {path}; true", hidden=["private/**"]), b"")
    except CannotEnforce as error:
        assert "hide" in str(error)  # noqa: PT017  either of the two is right
        return
    assert "canary" not in output(outcome)


def test_a_permit_without_the_hidden_paths_runs_nothing(made: Box, workspace: Path) -> None:
    one = permit(workspace, "touch", "made")
    with pytest.raises(KeyError):
        made.run(type(one)(0, one.kind, {"argv": ["touch", "made"]}, one.workspace, one.limits), b"")
    assert not (workspace / "made").exists()


@pytest.mark.parametrize("of", ["state", "above state"])
def test_a_workspace_that_would_show_the_state_directory_is_refused(
    made: Box, tmp_path: Path, state: Path, of: str
) -> None:
    with pytest.raises(CannotEnforce):
        made.run(permit({"state": state, "above state": tmp_path}[of], "true"), b"")
