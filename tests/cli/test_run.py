"""``nucleus run``, as a person calls it: statuses, what is said, what is left."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cryptography
import pytest

import nucleus
from nucleus.cli import main
from nucleus.gate.hardening import home_of
from nucleus.kernel.exposure import SECRET
from nucleus.local.views import Views
from tests import world
from tests.local.box import needs_box, private

pytestmark = needs_box


class Place:
    """A workspace and a state directory, and a way to run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = root / "project"
        self.workspace.mkdir()
        (self.workspace / "README.md").write_text("# App\n")
        (self.workspace / ".env").write_text("TOKEN=canary-secret\n")
        self.state = private(root / "state")

    def run(
        self, *words: str, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``nucleus run`` with these words in the workspace."""
        command = [sys.executable, "-m", "nucleus", "--state", str(self.state), "run", *words]
        return subprocess.run(
            command,
            cwd=self.workspace,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )

    def report(self) -> dict[str, Any]:
        """Return what the report says."""
        found: dict[str, Any] = json.loads((self.root / "report.json").read_text())
        return found

    def runs(self) -> list[dict[str, object]]:
        """Return what each run's place says."""
        return [json.loads(path.read_text()) for path in (self.state / "runs").glob("*/run.json")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


LOCAL = ("--profile", "local_dev")


def test_output_errors_and_status_are_the_command_s(place: Place) -> None:
    done = place.run(*LOCAL, "--", "sh", "-c", "cat; echo out; echo err >&2; exit 3", stdin="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "in\nout\n", "err\n")


def test_options_after_the_command_are_the_command_s(place: Place) -> None:
    done = place.run(*LOCAL, "echo", "-q", "--profile", "x", "--")
    assert done.stdout == "-q --profile x --\n"


def test_a_secret_is_not_there_and_the_environment_is_empty_but_for_the_list(place: Place) -> None:
    done = place.run(*LOCAL, "--", "sh", "-c", "ls -A; env", environment={"CANARY": "canary", "LANG": "C.UTF-8"})
    assert ".env" not in done.stdout
    assert "canary" not in done.stdout.lower()
    assert "LANG=C.UTF-8" in done.stdout


def test_a_box_made_early_is_used_only_if_it_hides_what_the_policy_says(place: Place) -> None:
    """The guess is the last run's. What was denied since is hidden all the same, whatever the guess says."""
    (place.workspace / "notes.txt").write_text("canary")
    assert "notes.txt" in place.run(*LOCAL, "ls").stdout
    policy = place.root / "deny.toml"
    policy.write_text('version = 1\nprofile = "local_dev"\n[deny]\nread = ["notes.txt"]\n')
    for _ in range(2):
        assert "notes.txt" not in place.run("--policy", str(policy), "ls").stdout
    (hint,) = (place.state / "hints").iterdir()
    for written in ("[[]]", '[["**"]]', '[[], ["notes.txt"]]', "nonsense", '{"a": 1}'):
        hint.write_text(written)
        assert place.run("--policy", str(policy), "ls").stdout == "README.md\n"
    assert not list((place.state / "runs").glob("*"))


def test_a_hidden_file_that_history_keeps_is_named_and_counts_as_seen(place: Place) -> None:
    world.git(place.workspace, "init", "-q")
    world.git(place.workspace, "add", "README.md")
    copy = place.root / "trace.jsonl"
    clean = place.run(*LOCAL, "--trace", str(copy), "--", "true")
    assert "history" not in clean.stderr
    assert not json.loads(copy.read_text().splitlines()[0])["state"][1] & SECRET
    world.git(place.workspace, "add", "-f", ".env")
    done = place.run(*LOCAL, "--trace", str(copy), "--", "true")
    assert "git's history, which the command can read: '.env'" in done.stderr
    assert json.loads(copy.read_text().splitlines()[0])["state"][1] & SECRET


def test_a_profile_that_masks_all_but_its_notes_shows_those_alone(place: Place) -> None:
    (place.workspace / "notes").mkdir()
    (place.workspace / "notes" / "a.md").write_text("a note")
    world.git(place.workspace, "init", "-q")
    done = place.run("--profile", "research_web", "--", "sh", "-c", "ls -A; cat notes/a.md; echo new > notes/b.md")
    assert done.stdout == "notes\na note"
    assert (place.workspace / "notes" / "b.md").exists()


def test_a_variable_that_is_named_gets_in(place: Place) -> None:
    done = place.run(*LOCAL, "--allow-env", "CANARY", "--", "sh", "-c", "echo $CANARY", environment={"CANARY": "x"})
    assert done.stdout == "x\n"


def test_what_may_be_applied_is_and_what_may_not_is_held_and_named(place: Place) -> None:
    script = "echo changed > README.md; echo x > new.py; echo obey > CLAUDE.md; ln -s /etc/passwd link; exit 0"
    done = place.run(*LOCAL, "--report", str(place.root / "report.json"), "--", "sh", "-c", script)
    assert done.returncode == 75
    assert (place.workspace / "README.md").read_text() == "changed\n"
    assert (place.workspace / "new.py").exists()
    assert not (place.workspace / "CLAUDE.md").exists()
    assert not (place.workspace / "link").is_symlink()
    assert "CLAUDE.md" in done.stderr
    report = place.report()
    assert (report["spoke"], report["exit"], report["command_status"]) == ("nucleus", 75, 0)
    assert {change["path"] for change in report["changes"]["held"]} == {"CLAUDE.md", "link"}
    assert {change["path"] for change in report["changes"]["applied"]} == {"README.md", "new.py"}
    (run,) = place.runs()
    assert (run["state"], run["profile"], run["hidden"]) == ("partly", "local_dev", [".env"])


def test_a_run_of_which_nothing_waits_leaves_nothing_but_its_trace(place: Place) -> None:
    done = place.run(*LOCAL, "--", "sh", "-c", "echo changed > README.md")
    assert (done.returncode, done.stderr) == (0, "nucleus: 1 change applied\n")
    assert place.runs() == []
    assert list((place.state / "traces").glob("*.jsonl"))


def test_a_command_s_own_failure_is_its_status_even_if_something_is_held(place: Place) -> None:
    assert place.run(*LOCAL, "--", "sh", "-c", "echo obey > CLAUDE.md; exit 9").returncode == 9


def test_the_trace_s_header_holds_what_the_box_vouches_for(place: Place) -> None:
    copy = place.root / "trace.jsonl"
    place.run(*LOCAL, "--trace", str(copy), "--publish", "18231", "--", "true")
    header, *_, close, _ = map(json.loads, copy.read_text().splitlines())
    assert header["level"] == "contained"
    assert header["containment"]["self-test"].startswith("passed in this box")
    assert header["containment"]["allowed"] == ["--publish 18231"]
    assert close["type"] == "close"


def test_a_report_says_why_nothing_was_run(place: Place) -> None:
    done = place.run("--report", str(place.root / "report.json"), "--profile", "no_such", "--", "true")
    assert done.returncode == 78
    assert (place.report()["spoke"], place.report()["exit"]) == ("nucleus", 78)
    assert "unknown profile" in str(place.report()["why"])


def test_a_report_replaces_a_link_and_follows_none(place: Place) -> None:
    victim = place.root / "victim"
    victim.write_text("mine")
    (place.workspace / "report.json").symlink_to(victim)
    place.run(*LOCAL, "--report", "report.json", "--", "true")
    assert victim.read_text() == "mine"
    assert not (place.workspace / "report.json").is_symlink()


def test_the_owner_s_lockdown_ends_a_run_and_nothing_is_applied(place: Place) -> None:
    words = (*LOCAL, "--report", str(place.root / "report.json"), "--", "sh", "-c", "echo x > new.py; sleep 60")
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *words]
    with subprocess.Popen(command, cwd=place.workspace, stderr=subprocess.PIPE, text=True) as process:
        while not list((place.state / "runs").glob("*/upper/new.py")):
            assert process.poll() is None
            time.sleep(0.05)
        assert main(["--state", str(place.state), "lockdown"]) == 0
        assert process.wait(30) == 77
        assert process.stderr is not None
        assert "lockdown" in process.stderr.read()
    assert "lockdown" in place.report()["why"]
    assert not (place.workspace / "new.py").exists()
    assert [one["path"] for one in place.report()["changes"]["held"]] == ["new.py"]


ASK = r"""
import socket
s = socket.create_connection(("127.0.0.1", 3128), timeout=60)
s.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
print("the proxy said", s.recv(100).split()[1].decode())
"""


def test_where_nobody_is_asked_a_question_is_denied_at_once_and_told(place: Place) -> None:
    (place.workspace / "ask.py").write_text(ASK)
    done = place.run(*LOCAL, "--", "python3", "ask.py")
    assert done.stdout == "the proxy said 403\n"
    assert "denied, since nobody is asked here" in done.stderr
    assert "example.com:443" in done.stderr
    assert done.returncode == 75


def test_at_a_terminal_where_nobody_is_to_be_asked_lines_wait_until_the_command_is_over(place: Place) -> None:
    (place.workspace / "ask.py").write_text(ASK + "print('the last line')\n")
    person, program = pty.openpty()
    words = ("--non-interactive", "--", "python3", "ask.py")
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *LOCAL, *words]
    with subprocess.Popen(command, cwd=place.workspace, stdin=program, stdout=program, stderr=program) as process:
        os.close(program)
        said = _until(person, b"nobody is asked here")
        assert process.wait(30) == 75
    os.close(person)
    assert said.index(b"the last line") < said.index(b"nobody is asked here")
    assert b"\x1b" not in said


SDK = """
from nucleus import ApprovalRequired, PolicyDenied, Session
from nucleus.tools import fs, net, proc
with Session() as s:
    print(s.level)
    fs.write("made.py", fs.read("README.md"))
    for call in (lambda: net.fetch("https://example.com/"), lambda: proc.run(["true"]), s.trace.export_jsonl):
        try:
            call()
        except (ApprovalRequired, PolicyDenied) as error:
            print(type(error).__name__, error.code)
"""


def test_the_sdk_works_in_a_box_and_its_files_are_the_box_s_own(place: Place) -> None:
    (place.workspace / "agent.py").write_text(SDK)
    source = str(Path(nucleus.__file__).parent.parent)
    packages = str(Path(cryptography.__file__).parent.parent)
    shown = [word for path in (source, packages) for word in ("--allow-read", path)]
    words = ("env", f"PYTHONPATH={source}:{packages}", Views(str(place.state)).python, "agent.py")
    done = place.run(*LOCAL, *shown, "--", *words)
    assert done.stdout.splitlines() == [
        "contained",
        "ApprovalRequired approval_required",
        "PolicyDenied capability",
        "PolicyDenied capability",
    ], done.stderr
    assert (place.workspace / "made.py").read_text() == "# App\n", "brought home with the rest"
    assert "net.fetch -> example.com:443" in done.stderr


REACHES = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as caller:
    print(caller.connect_ex(sys.argv[1] + "/listens") != 0)
try:
    os.open(sys.argv[1] + "/pipe", os.O_WRONLY | os.O_NONBLOCK)
except OSError:
    print(True)
print(open(sys.argv[1] + "/text").read())
"""


def test_a_directory_that_is_let_in_for_reading_reaches_nobody_who_listens_there(place: Place, tmp_path: Path) -> None:
    """Bound read-only, it would: a socket of the host's is as good as a network."""
    folder = tmp_path / "let-in"
    folder.mkdir()
    (folder / "text").write_text("to be read")
    os.mkfifo(folder / "pipe")
    (place.workspace / "reaches.py").write_text(REACHES)
    pipe = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "listens"))
        listener.listen()
        outside = subprocess.run([sys.executable, "-c", REACHES, folder], capture_output=True, text=True, check=True)
        words = (Views(str(place.state)).python, "reaches.py", str(folder))
        inside = place.run(*LOCAL, "--allow-read", str(folder), "--", *words)
    os.close(pipe)
    assert outside.stdout.splitlines() == ["False", "to be read"], "outside, both are reached"
    assert inside.stdout.splitlines() == ["True", "True", "to be read"], inside.stderr


def test_streams_that_are_closed_are_the_null_device(place: Place) -> None:
    """A socket of ours would get the number of a closed stream, and the command would talk to it."""
    words = (
        f"exec {sys.executable} -m nucleus --state {place.state} run --profile local_dev -- sh -c 'cat; echo x > made'"
    )
    for closed in ("<&-", "<&- >&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f"{words} {closed}"], cwd=place.workspace, timeout=60, check=False)
        assert (done.returncode, (place.workspace / "made").exists()) == (0, True)
        (place.workspace / "made").unlink()


def test_a_reader_that_goes_ends_the_writer_as_it_would_without_us(place: Place) -> None:
    start = f"{sys.executable} -m nucleus --state {place.state} run --profile local_dev --"
    words = f"{start} yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", words], cwd=place.workspace, timeout=60, check=False, capture_output=True)
    assert done.stdout == b"y\n141\n"


@pytest.mark.parametrize("word", ["deny", "something else"])
def test_at_a_terminal_a_person_is_asked_and_only_the_word_allows(place: Place, word: str) -> None:
    (place.workspace / "ask.py").write_text(ASK)
    person, program = pty.openpty()
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *LOCAL, "--", "python3", "ask.py"]
    with subprocess.Popen(
        command, cwd=place.workspace, stdin=program, stdout=program, stderr=program, start_new_session=True
    ) as process:
        os.close(program)
        before = _until(person, b"to leave it: ")
        assert b"example.com:443" in before
        assert b"\x1b[?1049h" in before
        os.write(person, word.encode() + b"\n")
        if word == "deny":
            assert b"the proxy said 403" in _until(person, b"403")
        else:
            assert b"the proxy said" not in _until(person, b"\x1b[?1049l")
            process.send_signal(signal.SIGTERM)
        process.wait(30)
    os.close(person)


def _until(person: int, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        assert select.select([person], [], [], 30)[0], seen
        seen += os.read(person, 4096)
    return seen


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 64, "there is no command"),
        (("--no-such-option", "true"), 64, "unrecognized arguments"),
        (("--workspace", "/no/such/place", "--", "true"), 64, "not a directory"),
        (("--vm", "--", "true"), 78, "virtual machines are not part of this version"),
        (("--no-transaction", "--", "true"), 78, "the box ns has no form without a transaction"),
        (("--profile", "local_dv", "--", "true"), 78, "did you mean"),
        (("--profile", "local_dev", "--allow-env", "NOT_SET_HERE", "--", "true"), 78, "no such variable"),
        (("--profile", "local_dev", "--workspace", "/", "--", "true"), 78, "nucleus"),
    ],
)
def test_what_can_t_be_done_runs_nothing_and_says_why(
    place: Place, words: tuple[str, ...], status: int, said: str
) -> None:
    done = place.run(*words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_run_that_fails_before_its_command_begins_leaves_nothing(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = place.run(*LOCAL, "--publish", port, "--", "sh", "-c", "echo x > made")
    assert (done.returncode, f"--publish {port}: " in done.stderr) == (78, True)
    assert not (place.workspace / "made").exists()
    assert not list((place.state / "runs").glob("*"))


def test_a_command_that_is_not_there_is_127_as_in_a_shell(place: Place) -> None:
    done = place.run(*LOCAL, "--", "no-such-command")
    assert done.returncode == 127
    assert "No such file or directory" in done.stderr


def test_a_dry_run_runs_nothing_and_says_what_is_hidden(place: Place) -> None:
    done = place.run(*LOCAL, "--dry-run", "--", "sh", "-c", "echo ran")
    assert done.returncode == 0
    assert "hidden: '.env'" in done.stdout
    assert "ran\n" not in done.stdout
    assert place.runs() == []


def test_a_dry_run_shows_what_a_preset_does(place: Place) -> None:
    done = place.run(*LOCAL, "--dry-run", "--", "codex")
    assert done.returncode == 0
    assert "Codex" in done.stdout


def test_a_run_within_a_run_says_where_it_is_and_runs_nothing(place: Place) -> None:
    source, packages = (str(Path(file).parents[1]) for file in (nucleus.__file__, cryptography.__file__))
    shown = [word for path in (source, packages) for word in ("--allow-read", path)]
    words = ("env", f"PYTHONPATH={source}:{packages}", Views(str(place.state)).python, "-m", "nucleus")
    done = place.run(*LOCAL, *shown, "--", *words, "run", *LOCAL, "--", "sh", "-c", "echo ran")
    assert (done.returncode, done.stdout) == (78, "")
    assert "inside of a box of nucleus run already" in done.stderr


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--allow-host", "--allow-read", "--publish", "--dry-run", "--report", "--non-interactive"):
        assert option in said


def test_output_that_can_t_be_written_is_not_a_run_that_went_well(place: Place) -> None:
    """The command's own write went into a pipe of ours, and succeeded."""
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *LOCAL, "echo", "text"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=place.workspace, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 77
    assert done.stderr == "nucleus: ended: what it wrote is lost in part: No space left on device\n"


@pytest.mark.parametrize("words", [("--allow-local-port", "http"), ("--publish", "65536"), ("--publish", "9" * 5000)])
def test_a_port_is_a_number_that_can_be_one(place: Place, words: tuple[str, str]) -> None:
    done = place.run(*LOCAL, *words, "true")
    assert done.returncode == 64
    assert done.stderr.endswith(f"argument {words[0]}: a port from 1 to 65535\n")


def test_a_reader_of_what_we_say_that_is_gone_changes_no_status(place: Place) -> None:
    """What was held is held, and the run is not said to have been none."""
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *LOCAL, "ln", "-s", "x", "made"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=place.workspace, stderr=write, check=False)
    os.close(write)
    assert done.returncode == 75
    assert [run["state"] for run in place.runs()] == ["partly"]


@pytest.mark.parametrize("backend", ["ns", "ll"])
def test_the_home_directory_is_no_workspace(place: Place, backend: str) -> None:
    done = place.run(*LOCAL, "--backend", backend, "--workspace", home_of(os.getuid()), "--", "true")
    assert done.returncode == 78
    assert "would be your home directory; nothing was run" in done.stderr
    assert "--workspace DIR" in done.stderr


def test_a_current_directory_that_is_gone_is_said_in_one_line(place: Place) -> None:
    gone = place.root / "gone"
    gone.mkdir()
    command = [sys.executable, "-m", "nucleus", "--state", str(place.state), "run", *LOCAL, "--", "true"]
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "-", *command], cwd=gone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert done.stderr.startswith("nucleus: the current directory is gone")
    assert not list(place.state.glob("runs/*"))
