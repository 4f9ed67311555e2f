"""Who ends a run, and that nothing survives it."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.protocol import receive, send
from nucleus.local import supervise
from nucleus.local.flows import Watch
from nucleus.local.live import Living, Wish, hide
from nucleus.local.run_folder import RunFolder
from nucleus.local.started import Live
from nucleus.local.streams import Streams
from nucleus.local.supervise import End, Supervisor, Typed
from nucleus.local.views import Views
from nucleus.policy.model import CALL_COST
from tests.local.box import needs_box, private

pytestmark = needs_box

ALIVE = {"state": [0, 0, CALL_COST * 9, 0], "closed": False, "pending": []}


class Gate:
    """The approver's door of a gate, on a thread: answers each look with ``principal``."""

    def __init__(self, principal: dict[str, Any], questions: list[dict[str, Any]]) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.answers: list[dict[str, Any]] = []
        self.principal = principal
        self.questions = questions
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with self.theirs:
            while True:
                try:
                    fields, _ = receive(self.theirs)
                except (EOFError, OSError):
                    return
                if fields["do"] == "watch":
                    for question in self.questions:
                        send(self.theirs, {"question": question})
                elif fields["do"] == "status":
                    send(self.theirs, {"principals": [self.principal]})
                else:
                    self.answers.append(fields)
                    send(self.theirs, {"answered": fields["ids"]})


def _once(path: Path, call: Callable[[], object]) -> None:
    """Call once the command has made ``path``, or could have long ago."""
    for _ in range(50):
        if path.exists():
            break
        time.sleep(0.05)
    call()


Runner = Callable[..., tuple[End, Gate, Path, list[dict[str, Any]]]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Runner]:
    """Run a command under a gate that says what it is told to say."""
    open_: list[int] = []
    gates: list[Gate] = []

    def runner(
        *argv: str,
        principal: dict[str, Any] = ALIVE,
        seconds: float = 60,
        questions: tuple[dict[str, Any], ...] = (),
        answer: bool | None = None,
        during: Callable[[], object] = lambda: None,
    ) -> tuple[End, Gate, Path, list[dict[str, Any]]]:
        workspace = tmp_path / "project"
        workspace.mkdir()
        state = private(tmp_path / "state")
        folder = RunFolder(str(state))
        hidden = hide(str(workspace), folder.path, [])
        null = os.open(os.devnull, os.O_RDWR)
        open_.append(null)
        streams, asked = Streams((null, null, null)), []
        gates.append(Gate(principal, list(questions)))
        live = Live(streams.given())

        def on_question(question: dict[str, Any], typed: Typed) -> bool | None:
            assert callable(typed)
            asked.append(question)
            return answer

        with Living(Views(str(state)), folder.path, Wish(str(workspace), argv, ".", tuple(hidden)), live) as living:
            streams.hand_over()
            watch = Watch()
            streams.connect(watch, -1)
            waiter = threading.Thread(target=lambda: _once(Path(folder.path) / "upper" / "began", during))
            waiter.start()
            end = Supervisor(living, streams, watch, gates[-1].ours).run(on_question, seconds)
            waiter.join()
        folder.note({"principal": "abcd"})
        folder.release()
        return end, gates[-1], Path(folder.path) / "upper", asked

    yield runner
    for gate in gates:
        gate.ours.close()
        gate.thread.join()
    for number in open_:
        os.close(number)


def test_a_command_s_own_status_comes_back(run: Runner) -> None:
    assert run("sh", "-c", "exit 5")[0] == End(5)


def test_its_time_ends_it_and_all_that_it_started(run: Runner) -> None:
    end, _, upper, _ = run("sh", "-c", "setsid sh -c 'sleep 3; echo late > made' & sleep 60", seconds=0.5)
    assert (end.status, end.by_gate) == (137, supervise.TIME_OVER)
    assert not (upper / "made").exists()


@pytest.mark.parametrize(
    ("principal", "why"),
    [({**ALIVE, "closed": True}, "lockdown"), ({**ALIVE, "state": [0, 0, CALL_COST - 1, 0]}, "budget")],
)
def test_a_principal_that_may_do_nothing_more_ends_it(run: Runner, principal: dict[str, Any], why: str) -> None:
    end = run("sleep", "60", principal=principal)[0]
    assert why in end.by_gate


def test_a_gate_that_is_gone_ends_it(run: Runner) -> None:
    ends: list[Gate] = []

    def break_() -> None:
        ends[0].ours.shutdown(socket.SHUT_RDWR)

    original = Gate._serve

    def noted(gate: Gate) -> None:
        ends.append(gate)
        original(gate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gate, "_serve", noted)
        end = run("sleep", "60", during=break_)[0]
    assert end.by_gate == "the gate is gone"


def test_a_question_is_put_and_its_answer_goes_to_the_gate(run: Runner) -> None:
    end, gate, _, asked = run("sleep", "1", questions=({"id": "abcd"},), answer=True)
    assert end == End(0)
    assert asked == [{"id": "abcd"}]
    assert gate.answers == [{"do": "answer", "ids": ["abcd"], "allow": True}]


def test_a_request_to_end_reaches_the_command(run: Runner) -> None:
    end, _, upper, _ = run(
        "sh",
        "-c",
        "trap 'echo caught > made; exit 4' TERM; touch began; while :; do sleep 0.1; done",
        during=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    assert end == End(4)
    assert (upper / "made").exists()


def test_a_command_that_ignores_the_request_is_killed(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "TERM_SECONDS", 0.2)
    end = run("sh", "-c", "trap '' TERM; touch began; sleep 60", during=lambda: os.kill(os.getpid(), signal.SIGTERM))[0]
    assert end == End(137)
