"""A server in a box: what it sees, what it leaves, and that it is dead in the end."""

import json
import os
import select
import subprocess
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.served import Boxed, Order
from tests.local.box import needs_box, private

pytestmark = needs_box
SCRIPT = """
read line
cat seen .env "$1" 2>/dev/null
echo $TOKEN $(tail -n +3 /proc/net/dev | grep -vc ' lo:')
echo made > made
echo done
read line
"""


class Case:
    def __init__(self, root: Path) -> None:
        self.workspace = root / "project"
        self.workspace.mkdir()
        (self.workspace / "seen").write_text("seen\n")
        (self.workspace / ".env").write_text("canary\n")
        self.outside = root / "outside.txt"
        self.outside.write_text("canary\n")
        self.state = private(root / "state")
        self.said: list[str] = []
        self.veil: tuple[tuple[str, ...], ...] = ((".env",),)

    def order(self, *command: str) -> Order:
        environment = {"PATH": os.environ["PATH"], "HOME": "/x", "TOKEN": "given"}
        return Order(str(self.state), str(self.workspace), command, environment, self.veil, "local_dev", "p1", "t")

    def run(self, *command: str) -> tuple[str, int]:
        boxed = Boxed(self.order(*command), self.said.append)
        out, into = boxed.ends
        os.write(into, b"go\n")
        text = b""
        while b"done\n" not in text and select.select([out], [], [], 30)[0]:
            chunk = os.read(out, 4096)
            if not chunk:
                break
            text += chunk
        return text.decode(), boxed.end(5)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_it_sees_the_workspace_without_what_is_hidden_and_no_network(case: Case) -> None:
    text, status = case.run("sh", "-c", SCRIPT, "sh", str(case.outside.parent))
    assert text == "seen\ngiven 0\ndone\n"
    assert status in {0, 1}


def test_it_sees_only_what_the_profile_shows_where_that_masks_the_rest(case: Case) -> None:
    (case.workspace / "notes").mkdir()
    (case.workspace / "notes" / "one").write_text("note\n")
    case.veil = ((".env",), ("notes/**",))
    text, _ = case.run("sh", "-c", "read line; cat seen notes/one 2>/dev/null; echo done; read line")
    assert text == "note\ndone\n"


def test_what_it_wrote_waits_for_the_owner(case: Case) -> None:
    case.run("sh", "-c", SCRIPT)
    assert not (case.workspace / "made").exists()
    [said] = case.said
    number = said.partition("nucleus diff ")[2].partition(";")[0]
    known = json.loads((case.state / "runs" / number / "run.json").read_text())
    assert (known["state"], known["principal"], known["argv"][0]) == ("ended", "p1", "sh")


def test_without_the_box_it_reads_and_writes_the_workspace(case: Case) -> None:
    """The defence switched off."""
    done = subprocess.run(
        ["sh", "-c", SCRIPT], cwd=case.workspace, input="go\n", capture_output=True, text=True, check=False
    )
    assert "canary" in done.stdout
    assert (case.workspace / "made").exists()


def test_one_that_wrote_nothing_leaves_nothing(case: Case) -> None:
    text, _ = case.run("sh", "-c", "read line; echo done; read line")
    assert text == "done\n"
    assert case.said == []
    assert list((case.state / "runs").glob("*")) == []


def test_a_script_that_its_command_names_is_shown_and_a_directory_is_not(case: Case) -> None:
    script = case.outside.with_name("server.sh")
    script.write_text(f"read line; cat {case.outside} 2>/dev/null; echo done; read line\n")
    text, _ = case.run("sh", str(script), str(case.outside.parent))
    assert text == "done\n"


def test_one_that_does_not_end_is_ended(case: Case) -> None:
    boxed = Boxed(case.order("sh", "-c", "trap '' TERM HUP; sleep 600 & wait; sleep 600"), case.said.append)
    assert boxed.end(0.1) == 137


def test_a_box_that_can_not_be_starts_nothing(case: Case) -> None:
    with pytest.raises(CannotEnforce):
        Boxed(case.order("sh", "-c", "\0"), case.said.append)
    assert list((case.state / "runs").glob("*")) == []
