"""The git route with a real git and a real forge: fetches pass, pushes are made again, ref by ref."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import world
from tests.egress.servers import answering, forge
from tests.egress.world import Box, boxed, network, run
from tests.gate.harness import questions_file
from tests.tools.conftest import Authority

POLICY = 'profile = "release"\n[allow]\nremotes = ["origin"]\nbranches = ["fix-*", "main"]\n'
Start = Callable[..., Box]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    authority = Authority()
    with ExitStack() as stack:

        def make(policy: str = POLICY, **more: Any) -> Box:
            root = tmp_path / "served"
            (root / "acme").mkdir(parents=True)
            site = stack.enter_context(answering(forge(root), authority, tmp_path, "forge.example"))
            place = f"forge.example:{site.port}"
            where = network(authority) | {"addresses": {place: ["127.0.0.1", site.port]}}
            usual: dict[str, Any] = {
                "contained": True,
                "settings": {"wait": 20},
                "answers": {"*": True},
                "remotes": {"origin": f"https://{place}/acme/app.git"},
                "credentials": f'[[credential]]\ndestination = "https://{place}/acme"\ntoken = "canary-of-the-owner"\n',
            }
            box = stack.enter_context(boxed(tmp_path / "box", policy, network=where, **{**usual, **more}))
            bare = tmp_path / "box" / "repo" / "remote.git"
            world.git(bare, "config", "http.receivepack", "true")
            (root / "acme" / "app.git").symlink_to(bare)
            box.site, box.bare = site, bare  # type: ignore[attr-defined]  # the remote, for the tests of this file
            return box

        yield make


def refs(box: Box) -> dict[str, str]:
    """Return what is at the forge."""
    lines = world.git(box.bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()  # type: ignore[attr-defined]
    return dict(line.split() for line in lines)


def git(box: Box, folder: Path, *words: str) -> Any:
    """Run the agent's git: it knows the remote by the owner's address, and has no credential."""
    port = box.site.port
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder.parent),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.http://127.0.0.1:{box.routes}/git/origin.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://forge.example:{port}/acme/app.git",
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{who}_{what}": "agent@box" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return run(["git", *words], env=environment, cwd=folder)


def cloned(box: Box, folder: Path) -> Path:
    done = git(box, folder, "clone", "-q", f"https://forge.example:{box.site.port}/acme/app.git", "work")
    assert done.returncode == 0, done.stderr
    return folder / "work"


def commit(box: Box, work: Path, text: str, branch: str = "fix-1") -> str:
    """Commit something in the box, and return the commit."""
    (work / "new.txt").write_text(text * 1000)
    git(box, work, "checkout", "-q", "-B", branch)
    git(box, work, "add", ".")
    assert git(box, work, "commit", "-q", "-m", text).returncode == 0
    return str(git(box, work, "rev-parse", "HEAD").stdout.strip())


def test_a_fetch_passes_with_the_owners_credential_in_each_version_of_the_protocol(
    start: Start, tmp_path: Path
) -> None:
    box = start()
    work = cloned(box, tmp_path)
    assert (work / "README.md").read_text() == "# App\n"
    for version in ("0", "1", "2"):
        assert git(box, work, "-c", f"protocol.version={version}", "fetch", "origin").returncode == 0
    asked = box.site.asked
    assert {one.headers["authorization"].split()[0] for one in asked} == {"Basic"}
    assert b"agent=" not in b"".join(one.body for one in asked)
    assert {one["verdict"] for one in box.records()} == {"allow"}
    assert {one["kind"] for one in box.records()} == {"git.pull"}


def test_a_push_is_judged_and_made_by_the_gate_and_goes_on_from_there(start: Start, tmp_path: Path) -> None:
    """The second one builds upon what only the remote has: the owner's own repository never saw it."""
    box = start()
    work = cloned(box, tmp_path)
    for text in ("one", "two"):
        made = commit(box, work, text)
        done = git(box, work, "push", "origin", "fix-1")
        assert done.returncode == 0, done.stderr
        assert refs(box)["refs/heads/fix-1"] == made
    assert {one["destination"].rpartition(" ")[2] for one in box.records() if one["kind"] == "git.deliver"} == {"fix-1"}
    pushes = [one for one in box.site.asked if one.path.endswith("git-receive-pack") and one.method == "POST"]
    assert all("git/2" in one.headers["user-agent"] for one in pushes)
    assert "canary-of-the-owner" not in done.stderr + done.stdout


def test_a_person_sees_what_a_push_of_a_box_brings_or_that_it_can_not_be_shown(start: Start, tmp_path: Path) -> None:
    box = start()
    work = cloned(box, tmp_path)
    for text in ("canary-one", "canary-two"):
        commit(box, work, text)
        assert git(box, work, "push", "origin", "fix-1").returncode == 0
    seen = [json.loads(line) for line in questions_file(tmp_path / "box").read_text().splitlines()]
    first, second = [one for one in seen if one["kind"] == "git.deliver"]
    assert "new.txt" in first["leaving"]
    assert "+canary-onecanary-one" in first["leaving"]
    assert "only the remote has" in second["leaving"]
    assert first["body"] == ""


def test_each_ref_is_judged_by_itself(start: Start, tmp_path: Path) -> None:
    box = start(POLICY + '[deny]\nbranches = ["main"]\n')
    work = cloned(box, tmp_path)
    before = refs(box)
    made = commit(box, work, "x")
    done = git(box, work, "push", "origin", "fix-1:fix-1", "fix-1:main")
    assert done.returncode != 0
    assert "[remote rejected] fix-1 -> main (denied (scope)" in done.stderr
    assert refs(box) == before | {"refs/heads/fix-1": made}


def test_nothing_is_deleted_forced_or_put_beside_branches_and_tags(start: Start, tmp_path: Path) -> None:
    box = start()
    work = cloned(box, tmp_path)
    commit(box, work, "x")
    git(box, work, "push", "origin", "fix-1")
    before = refs(box)
    git(box, work, "commit", "-q", "--amend", "-m", "another")
    for words in (("-f", "origin", "fix-1"), ("origin", ":main"), ("origin", "fix-1:refs/notes/x")):
        assert git(box, work, "push", *words).returncode != 0
    assert refs(box) == before


def test_a_push_that_a_person_refuses_does_not_happen(start: Start, tmp_path: Path) -> None:
    box = start(answers={"*": False})
    work = cloned(box, tmp_path)
    before = refs(box)
    commit(box, work, "x")
    done = git(box, work, "push", "origin", "fix-1")
    assert done.returncode != 0
    assert "denied by the owner" in done.stderr
    assert refs(box) == before


def test_a_remote_that_the_owner_did_not_resolve_is_not_there(start: Start, tmp_path: Path) -> None:
    box = start(settings={"wait": 0})
    done = git(box, tmp_path, "clone", f"http://127.0.0.1:{box.routes}/git/evil", "evil")
    assert done.returncode != 0
    assert box.site.asked == []


def test_nothing_but_the_smart_protocol_is_spoken(start: Start) -> None:
    box = start()
    for line, status in (
        ("GET /git/origin/HEAD HTTP/1.1", "404"),
        ("GET /git/origin/objects/info/packs HTTP/1.1", "404"),
        ("GET /git/origin/info/refs HTTP/1.1", "404"),
        ("GET /git/origin/../../x HTTP/1.1", "404"),
        ("POST /git/origin/git-upload-pack HTTP/1.1\r\nContent-Length: 0", "415"),
    ):
        got = box.ask(f"{line}\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
        assert got.startswith(f"HTTP/1.1 {status} ".encode()), line
    assert box.site.asked == []


def negotiation(size: int, salt: int) -> str:
    """Return a request of a fetch that names objects which nobody has: what they say is of the client's choosing."""
    tip = f"want {'0' * 39}1 no-progress\n"
    lines = [tip, *(f"have {salt:08x}{number:032x}\n" for number in range(size // 50))]
    body = "".join(f"{len(one) + 4:04x}{one}" for one in lines) + "00000009done\n"
    head = "POST /git/origin/git-upload-pack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    return f"{head}Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {len(body)}\r\n\r\n{body}"


@pytest.mark.parametrize("on", [True, False])
def test_what_fetches_say_to_a_remote_is_counted_and_bounded(start: Start, on: bool) -> None:
    off = "import nucleus.egress.git as g\ng.SAID_LIMIT = 1 << 40\n"
    box = start(weakened="" if on else off)
    answers = [box.ask(negotiation(5 << 20, number), box.routes) for number in range(3)]
    assert [one.startswith(b"HTTP/1.1 413 ") for one in answers] == [False, on, on]
    assert len(box.site.asked) == (1 if on else 3)
    box.hang_up()
    with box.process.sock.makefile("rb") as lines:
        assert json.loads(lines.readline())["said_in_fetches"]["origin"] > 15 << 20


def test_a_pack_that_is_not_sound_moves_nothing(start: Start, tmp_path: Path) -> None:
    box = start()
    before = refs(box)
    tip = next(iter(before.values()))
    line = f"{'0' * 40} {tip} refs/heads/fix-2\0 report-status"
    body = f"{len(line) + 4:04x}{line}0000PACKgarbage".encode()
    head = (
        "POST /git/origin/git-receive-pack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    got = box.ask(head + body.decode("latin-1"), box.routes)
    assert b"ng refs/heads/fix-2 the pack is not sound" in got
    assert refs(box) == before
