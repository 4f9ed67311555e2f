"""The backend ``ll``: only by name, and honest about what it does not give. The contract: contract/test_boxes.py."""

from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local import ll
from nucleus.local.ll import LlBox
from nucleus.seal import landlock
from tests.local.box import output, permit, private


def usable() -> str:
    """Return why the backend is not usable here, "" where it is."""
    try:
        found = landlock.abi()
    except CannotEnforce as error:
        return str(error)
    return "" if found >= ll.OLDEST else f"Landlock of ABI {found}"


needs_ll = pytest.mark.skipif(bool(usable()), reason=usable() or "it is usable here")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return private(tmp_path / "state")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("asked", ["", "ns", "LL", "ll "])
def test_whoever_does_not_ask_for_it_by_name_does_not_get_it(state: Path, asked: str) -> None:
    with pytest.raises(CannotEnforce, match="asked for by name"):
        LlBox(str(state), asked=asked)


@needs_ll
def test_what_it_does_not_give_stands_in_its_report(state: Path) -> None:
    report = LlBox(str(state), asked="ll").probe()
    assert not report.attested
    for missing in ("no transaction", "hidden", "other processes", "memory"):
        assert missing in report.layers["not given"]


def test_an_older_landlock_is_not_enough(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 5)
    with pytest.raises(CannotEnforce, match="does not scope signals"):
        LlBox(str(state), asked="ll").probe()


@needs_ll
@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".env", "TOKEN=x"),
        ("a/b/id_rsa", "key"),
        ("secret/x", "denied"),
        (".git/config", "[remote]\n\turl = https://token@example.com/"),
    ],
)
def test_a_workspace_with_something_to_hide_is_refused_and_nothing_runs(
    state: Path, workspace: Path, path: str, text: str
) -> None:
    (workspace / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace / path).write_text(text)
    with pytest.raises(CannotEnforce, match="hide nothing") as caught:
        LlBox(str(state), asked="ll").run(permit(workspace, "touch", "made", hidden=["secret/**"]), b"")
    assert path.split("/", maxsplit=1)[0] in str(caught.value)
    assert not (workspace / "made").exists()


@needs_ll
def test_a_repository_without_tokens_is_worked_in(state: Path, workspace: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").write_text("[remote]\n\turl = git@example.com:a/b\n")
    outcome = LlBox(str(state), asked="ll").run(permit(workspace, "sh", "-c", "echo x > y; cat y"), b"")
    assert output(outcome) == "x\n"
    assert (workspace / "y").read_text() == "x\n"


@needs_ll
def test_what_the_owner_lets_be_read_is_read_and_not_written(state: Path, workspace: Path, tmp_path: Path) -> None:
    given = Path("/var/tmp") / f"nucleus-{tmp_path.name}"
    given.mkdir()
    try:
        (given / "file").write_text("given")
        box = LlBox(str(state), asked="ll", readable=[str(given)], variables={"CI": "1"})
        script = f"cat {given}/file; echo $CI; echo x > {given}/file || echo refused"
        assert output(box.run(permit(workspace, "sh", "-c", script), b"")) == "given1\nrefused\n"
    finally:
        (given / "file").unlink()
        given.rmdir()


@needs_ll
def test_what_holds_the_state_directory_is_not_let_in(state: Path, workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="would show"):
        LlBox(str(state), asked="ll", readable=[str(tmp_path)]).run(permit(workspace, "true"), b"")
