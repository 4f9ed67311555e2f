"""Commands as a user calls them: a list of words, in a box."""

from collections.abc import Callable
from typing import Any

import pytest

from nucleus.errors import NoSession
from nucleus.gate.client import ambient
from nucleus.gate.effects import BoxReport, Outcome, Permit
from nucleus.tools import proc
from nucleus.tools.handles import Text, label
from nucleus.tools.perform.proc import ProcPerformer


class Chest:
    """A box that answers with what it was asked."""

    def probe(self) -> BoxReport:
        return BoxReport("chest", attested=True, layers={})

    def run(self, permit: Permit, stdin: bytes) -> Outcome:
        return Outcome(
            "ok", {"status": 3, "stderr": "err"}, b"\xff".join([*map(str.encode, permit.args["argv"]), stdin])
        )


@pytest.fixture
def client(ungated: Callable[..., Any]) -> Any:
    return ungated(proc=ProcPerformer(Chest()))


def test_outside_of_a_session_it_says_so() -> None:
    with pytest.raises(NoSession):
        proc.run(["true"])


def test_the_output_is_text_with_status_and_exact_bytes(client: Any) -> None:
    with ambient(client):
        output = proc.run(["a", "$b"], stdin="in")
    assert (output, output.content) == ("a\ufffd$b\ufffdin", b"a\xff$b\xffin")
    assert (output.status, output.stderr, label(output)) == (3, "err", 1)


def test_labels_of_words_and_input_are_said(client: Any) -> None:
    proc.Proc(lambda: client).run(["a", Text("b", exposure=2)], stdin=Text("c", exposure=1))
    assert client.calls[-1] == ("proc.run", {"argv": ["a", "b"], "cwd": "."}, b"c", 3)


@pytest.mark.parametrize("argv", ["make test", b"make"])
def test_a_text_is_no_list(client: Any, argv: Any) -> None:
    with pytest.raises(ValueError, match="no shell"):
        proc.Proc(lambda: client).run(argv)
    assert client.calls == []
