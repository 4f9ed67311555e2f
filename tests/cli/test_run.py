"""``nucleus run``, as a person calls it: statuses, what is said, what is left."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nucleus.cli import main
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
    assert "canary" not in done.stdout.lower().replace("canary-", "")
    assert "LANG=C.UTF-8" in done.stdout


def test_a_variable_that_is_named_gets_in(place: Place) -> None:
    done = place.run(*LOCAL, "--allow-env", "CANARY", "--", "sh", "-c", "echo $CANARY", environment={"CANARY": "x"})
    assert done.stdout == "x\n"


def test_the_host_s_files_are_as_they_were_and_the_run_says_what_it_was(place: Place) -> None:
    place.run(*LOCAL, "--", "sh", "-c", "echo changed > README.md; rm -f .env")
    assert (place.workspace / "README.md").read_text() in {"# App\n", "changed\n"}
    assert (place.workspace / ".env").exists()
    (run,) = place.runs()
    assert run["profile"] == "local_dev"
    assert run["status"] == 0
    assert run["hidden"] == [".env"]


def test_the_trace_s_header_holds_what_the_box_vouches_for(place: Place) -> None:
    place.run(*LOCAL, "--", "true")
    (run,) = place.runs()
    header = json.loads(Path(str(run["trace"])).read_text().splitlines()[0])
    assert header["level"] == "contained"
    assert header["containment"]["self-test"].startswith("passed in this box")
    assert header["principal"] == run["principal"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 64, "there is no command"),
        (("--no-such-option", "true"), 64, "unrecognized arguments"),
        (("--workspace", "/no/such/place", "--", "true"), 64, "not a directory"),
        (("--vm", "--", "true"), 78, "virtual machines are not part of this version"),
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


def test_a_command_that_is_not_there_is_127_as_in_a_shell(place: Place) -> None:
    done = place.run(*LOCAL, "--", "no-such-command")
    assert done.returncode == 127
    assert "No such file or directory" in done.stderr


def test_a_dry_run_runs_nothing_and_says_what_is_hidden(place: Place) -> None:
    done = place.run(*LOCAL, "--dry-run", "--", "sh", "-c", "echo ran")
    assert done.returncode == 0
    assert "hidden: '.env'" in done.stdout
    assert "ran" not in done.stdout.replace("ran away", "")
    assert place.runs() == []


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--allow-host", "--allow-read", "--publish", "--dry-run", "--report", "--non-interactive"):
        assert option in said
