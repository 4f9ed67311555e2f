"""A row of the claims page can be run again by its name."""

import json
from pathlib import Path

import pytest

from proofs import __main__ as command
from proofs import single

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-egress-of-secrets", "Without an approval nothing leaves"),
        ("code = spec: delegate.min_of", "2 paths"),
        ("boundary.admit", "obligations"),
        ("nu-monotone", "Refuted by"),
        ("group-sync-on-sinks", "refuted on the gate's core"),
        ("subset", "kernel and specification"),
    ],
)
def test_a_row_is_run_again_by_its_name(name: str, said: str) -> None:
    done, problems = single.run(name)
    assert problems == []
    assert said in done


def test_a_row_that_does_not_hold_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(single.lint, "problems", lambda: ["decide.py:3: a loop"])
    monkeypatch.setattr("sys.argv", ["proofs", "subset"])
    assert command.main() == 1
    assert "NOT AS CLAIMED" in capsys.readouterr().out


def test_an_unknown_name_is_a_wrong_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["proofs", "no-such-row"])
    assert command.main() == 2
    assert "no-such-row is no property" in capsys.readouterr().err


def test_a_failure_ends_the_run_with_a_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise command.Failed("decide.after is not its specification:\n  ...")

    monkeypatch.setattr(command, "run", fails)
    monkeypatch.setattr("sys.argv", ["proofs"])
    assert command.main() == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last == {"ok": False, "problem": "decide.after is not its specification:"}


def test_a_source_that_changed_during_the_run_leaves_no_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = iter([{"a.py": "1"}, {"a.py": "2"}])
    monkeypatch.setattr(command.evidence, "sources", lambda: next(found))
    monkeypatch.setattr(command, "run", lambda **_: command.Report())
    monkeypatch.setattr("sys.argv", ["proofs"])
    assert command.main() == 1
    assert "changed during the run" in capsys.readouterr().out


def test_every_name_on_the_claims_page_can_be_run_again() -> None:
    manifest = json.loads((ROOT / "claims" / "manifest.json").read_text())
    names = {name for row in manifest["claims"] for name in row["proves"]}
    known = {found.name for found in single.PROPERTIES} | {control.name for control in single.controls.CONTROLS}
    known |= set(single.gate_model.CONTROLS) | {single.PREFIX + name for name in (*single.BY_NAME, "boundary.admit")}
    theorems = set(json.loads((ROOT / "proofs" / "coq" / "oracle.json").read_text())["theorems"])
    assert names <= known | theorems
