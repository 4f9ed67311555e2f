"""Commands: without a box nothing starts, judged at the file that the command would have made."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import BoxReport, Outcome, Permit
from nucleus.tools.perform.proc import ProcPerformer

Do = Callable[..., Outcome]


class Chest:
    """A box that keeps what it was asked to run, or can't enforce."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.ran: list[tuple[Any, bytes]] = []
        self.probes = 0

    def probe(self) -> BoxReport:
        self.probes += 1
        if self.broken:
            raise CannotEnforce(self.broken, why="a reason", fix="a fix")
        return BoxReport("chest", attested=True, layers={})

    def run(self, permit: Permit, stdin: bytes) -> Outcome:
        self.ran.append((permit.args["argv"], stdin))
        return Outcome("ok", {"status": 0, "stderr": ""}, b"out")


def test_without_a_box_nothing_runs_and_the_reason_is_given(perform: Do, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    outcome = perform(ProcPerformer(), "proc.run", argv=["touch", str(canary)])
    assert (outcome.status, outcome.value["type"]) == ("failed", "CannotEnforce")
    assert "nucleus doctor" in outcome.value["fix"]
    assert not canary.exists()
    subprocess.run(["touch", str(canary)], check=True)
    assert canary.exists()


def test_a_box_that_can_not_enforce_runs_nothing(perform: Do) -> None:
    chest = Chest(broken="user namespaces are off")
    outcome = perform(ProcPerformer(chest), "proc.run", argv=["true"])
    assert outcome.value == {
        "type": "CannotEnforce",
        "message": "user namespaces are off",
        "errno": 0,
        "why": "a reason",
        "fix": "a fix",
    }
    assert chest.ran == []


def test_a_box_is_probed_once_and_gets_the_words_as_they_are(perform: Do) -> None:
    chest = Chest()
    performer = ProcPerformer(chest)
    for _ in range(2):
        assert perform(performer, "proc.run", b"in", argv=["echo", "$HOME; rm -rf /"]).body == b"out"
    assert chest.ran[0] == (["echo", "$HOME; rm -rf /"], b"in")
    assert chest.probes == 1


def test_asked_first_it_says_what_the_box_vouches_for_and_runs_nothing(perform: Do) -> None:
    chest = Chest()
    outcome = perform(ProcPerformer(chest), "proc.probe")
    assert outcome.value == {"attested": True, "backend": "chest", "layers": {}}
    assert chest.ran == []
    broken = perform(ProcPerformer(Chest(broken="no namespaces")), "proc.probe")
    assert (broken.status, broken.value["message"]) == ("failed", "no namespaces")


@pytest.mark.parametrize(
    "args",
    [
        {"argv": []},
        {"argv": [""]},
        {"argv": "true"},
        {"argv": ["a\0b"]},
        {"argv": [1]},
        {"argv": ["x" * 200_000]},
        {},
        {"argv": ["true"], "cwd": "../.."},
        {"argv": ["true"], "cwd": "/"},
    ],
)
def test_what_is_no_command_is_refused(perform: Do, args: dict[str, Any]) -> None:
    chest = Chest()
    assert perform(ProcPerformer(chest), "proc.run", **args).status == "failed"
    assert chest.ran == []
