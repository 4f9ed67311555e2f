"""The fs performer, judged at the files: real ones, and every trick they can play."""

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Limits, Outcome
from nucleus.tools.perform.fs import FsPerformer

FS = FsPerformer()
Do = Callable[..., Outcome]


@pytest.fixture
def do(perform: Do) -> Do:
    def run(kind: str, body: bytes = b"", **args: Any) -> Outcome:
        if kind in {"read", "list", "glob", "grep"}:
            args.setdefault("hidden", [])
        return perform(FS, f"fs.{kind}", body, **args)

    return run


def edit_body(old: str, new: str) -> bytes:
    return json.dumps({"old": old, "new": new}).encode()


def kind_of(outcome: Outcome) -> str:
    assert outcome.status == "failed", outcome
    return str(outcome.value["type"])


class TestRead:
    def test_bytes_travel_as_they_are(self, do: Do, workspace: Path) -> None:
        (workspace / "odd").write_bytes(b"\xff\xfe\x00caf\xe9\r\n")
        assert do("read", path="odd").body == b"\xff\xfe\x00caf\xe9\r\n"

    def test_an_absolute_path_below_the_workspace_is_the_same_file(self, do: Do, workspace: Path) -> None:
        (workspace / "a").write_text("x")
        assert do("read", path=str(workspace / "a")).value["path"] == "a"

    def test_an_absolute_path_outside_is_read_only_because_the_gate_said_so(self, do: Do, tmp_path: Path) -> None:
        (tmp_path / "beside").write_text("x")
        assert do("read", path=str(tmp_path / "beside")).body == b"x"
        assert kind_of(do("write", b"y", path=str(tmp_path / "beside"))) == "PermissionError"
        assert (tmp_path / "beside").read_text() == "x"

    @pytest.mark.parametrize("path", ["../beside", "a/../../beside", "", "a\0b", "x/" * 200 + "y"])
    def test_a_path_that_climbs_or_is_none_is_refused(self, do: Do, tmp_path: Path, path: str) -> None:
        (tmp_path / "beside").write_text("secret")
        assert kind_of(do("read", path=path)) == "ValueError"

    def test_a_link_is_not_followed_at_any_depth_where_a_plain_open_follows(
        self, do: Do, workspace: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "key").write_text("secret")
        (workspace / "file").symlink_to(outside / "key")
        (workspace / "dir").symlink_to(outside)
        assert (workspace / "file").read_text() == (workspace / "dir" / "key").read_text() == "secret"
        for path in ("file", "dir/key"):
            outcome = do("read", path=path)
            assert kind_of(outcome) == "OSError"
            assert "symbolic link" in outcome.value["message"]

    def test_a_loop_of_links_is_an_error(self, do: Do, workspace: Path) -> None:
        (workspace / "a").symlink_to("b")
        (workspace / "b").symlink_to("a")
        assert kind_of(do("read", path="a/x")) == "OSError"
        assert do("glob", path=".", pattern="**").body == b"[]"

    def test_a_pipe_a_socket_and_a_device_are_no_files_and_nothing_hangs(self, do: Do, workspace: Path) -> None:
        os.mkfifo(workspace / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(workspace / "sock"))
            for path in ("pipe", "sock", "/dev/zero"):
                assert kind_of(do("read", path=path)) == "OSError"

    def test_a_hundred_megabytes_are_an_error_not_a_hang(self, do: Do, workspace: Path) -> None:
        with (workspace / "big").open("wb") as file:
            file.truncate(100 * 1024 * 1024)
        outcome = do("read", path="big")
        assert outcome.value["type"] == "OSError"
        assert "larger than the limit of 16777216 bytes" in outcome.value["message"]

    def test_a_file_that_lies_about_its_size_is_still_bounded(self, do: Do) -> None:
        assert kind_of(do("read", path="/proc/self/maps", limits=Limits(bytes=100))) == "OSError"

    def test_a_missing_file_says_which(self, do: Do) -> None:
        outcome = do("read", path="no/such")
        assert kind_of(outcome) == "FileNotFoundError"
        assert "no" in outcome.value["message"]

    def test_another_name_of_a_hidden_file_is_hidden_too(self, do: Do, workspace: Path) -> None:
        (workspace / "secrets").mkdir()
        (workspace / "secrets" / "key").write_text("canary")
        os.link(workspace / "secrets" / "key", workspace / "innocent.txt")
        hidden = ["secrets/**"]
        assert do("read", path="innocent.txt").body == b"canary"
        assert kind_of(do("read", path="innocent.txt", hidden=hidden)) == "FileNotFoundError"
        assert b"innocent" not in do("glob", path=".", pattern="**", hidden=hidden).body
        assert b"canary" not in do("grep", path=".", pattern="canary", hidden=hidden).body
        assert b"innocent" not in do("list", path=".", hidden=hidden).body

    def test_a_permit_without_hidden_fails(self, perform: Do) -> None:
        assert kind_of(perform(FS, "fs.read", path="a")) == "RuntimeError"


class TestWrite:
    def test_a_file_is_made_and_replaced(self, do: Do, workspace: Path) -> None:
        assert do("write", b"one", path="a").value["created"] is True
        assert do("write", b"two", path="a").value["created"] is False
        assert (workspace / "a").read_bytes() == b"two"
        assert os.listdir(workspace) == ["a"]

    def test_the_mode_stays_but_for_set_id_bits(self, do: Do, workspace: Path) -> None:
        (workspace / "tool").write_text("x")
        (workspace / "tool").chmod(0o4750)
        do("write", b"y", path="tool")
        assert stat.S_IMODE((workspace / "tool").stat().st_mode) == 0o750

    def test_parents_are_made_only_on_request(self, do: Do, workspace: Path) -> None:
        assert kind_of(do("write", b"x", path="d/e/f")) == "FileNotFoundError"
        assert do("write", b"x", path="d/e/f", parents=True).status == "ok"
        assert (workspace / "d/e/f").read_bytes() == b"x"

    def test_a_hard_link_elsewhere_keeps_its_content_where_a_plain_write_goes_through(
        self, do: Do, workspace: Path, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        precious.write_text("precious")
        for name in ("a", "b"):
            os.link(precious, workspace / name)
        do("write", b"new", path="a")
        assert precious.read_text() == "precious"
        (workspace / "b").write_text("overwritten")
        assert precious.read_text() == "overwritten"

    def test_a_link_as_target_is_refused_where_a_plain_write_goes_through(
        self, do: Do, workspace: Path, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        precious.write_text("precious")
        (workspace / "link").symlink_to(precious)
        (workspace / "up").symlink_to(tmp_path)
        for path in ("link", "up/precious", "up/new"):
            assert do("write", b"x", path=path, parents=True).status == "failed"
        assert precious.read_text() == "precious"
        assert not (tmp_path / "new").exists()
        (workspace / "link").write_text("gone")
        assert precious.read_text() == "gone"

    @pytest.mark.parametrize(
        "path",
        [
            ".git/config",
            ".GIT/hooks/pre-commit",
            "sub/.git/config",
            ".git",
            ".git./config",
            ".git /config",
            "git~1/config",
            "GIT~1/config",
            ".g\u200cit/config",
            ".\uff47it/config",
            ".git::$INDEX_ALLOCATION/config",
            ".git\\config",
        ],
    )
    def test_git_internals_are_never_written_or_deleted_in_any_spelling(
        self, do: Do, workspace: Path, path: str
    ) -> None:
        before = sorted(workspace.rglob("*"))
        for kind, body in (("write", b"x"), ("edit", edit_body("a", "b")), ("delete", b"")):
            assert kind_of(do(kind, body, path=path)) == "PermissionError"
        assert sorted(workspace.rglob("*")) == before

    def test_names_that_only_start_like_git_are_written(self, do: Do) -> None:
        for path in (".gitignore", ".github/x", "git/x", "a.git"):
            assert do("write", b"x", path=path, parents=True).status == "ok"

    def test_a_full_disk_leaves_the_old_content_and_no_debris(self, workspace: Path) -> None:
        """A file size limit stands for the full disk: the same error path, without root."""
        (workspace / "a").write_text("old")
        script = (
            "import resource, signal, sys\n"
            "from nucleus.gate.effects import Permit\n"
            "from nucleus.tools.perform.fs import FsPerformer\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "p = Permit(1, 'fs.write', {'path': 'a'}, sys.argv[1])\n"
            "print(FsPerformer().perform(p, b'x' * 5000).value['type'])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(workspace)], capture_output=True, text=True, check=True
        )
        assert done.stdout == "OSError\n"
        assert (workspace / "a").read_text() == "old"
        assert os.listdir(workspace) == ["a"]

    def test_a_kill_in_the_middle_leaves_the_old_content(self, workspace: Path) -> None:
        """The process kills itself when the temporary file is complete and not yet renamed."""
        (workspace / "a").write_text("old")
        script = (
            "import os, signal, sys\n"
            "from nucleus.gate.effects import Permit\n"
            "from nucleus.tools.perform.fs import FsPerformer\n"
            "os.rename = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
            "FsPerformer().perform(Permit(1, 'fs.write', {'path': 'a'}, sys.argv[1]), b'new')\n"
        )
        done = subprocess.run([sys.executable, "-c", script, str(workspace)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert (workspace / "a").read_text() == "old"

    def test_a_directory_is_not_replaced(self, do: Do, workspace: Path) -> None:
        (workspace / "d").mkdir()
        assert kind_of(do("write", b"x", path="d")) == "IsADirectoryError"
        assert kind_of(do("write", b"x", path=".")) == "IsADirectoryError"


class TestEdit:
    def test_the_one_place_is_replaced(self, do: Do, workspace: Path) -> None:
        (workspace / "a").write_text("one two three")
        assert do("edit", edit_body("two", "2"), path="a").status == "ok"
        assert (workspace / "a").read_text() == "one 2 three"

    @pytest.mark.parametrize(("content", "old"), [("one", "two"), ("two two", "two"), ("aaa", "aa"), ("x", "")])
    def test_nowhere_twice_overlapping_and_nothing_are_refused(
        self, do: Do, workspace: Path, content: str, old: str
    ) -> None:
        (workspace / "a").write_text(content)
        assert kind_of(do("edit", edit_body(old, "z"), path="a")) == "ValueError"
        assert (workspace / "a").read_text() == content

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"old": "a"}', b'{"old": 1, "new": "b"}', b"\xff"])
    def test_another_body_is_refused(self, do: Do, workspace: Path, body: bytes) -> None:
        (workspace / "a").write_text("a")
        assert do("edit", body, path="a").status == "failed"

    def test_bytes_around_the_place_survive(self, do: Do, workspace: Path) -> None:
        (workspace / "a").write_bytes(b"\xff\x00 here \r\n")
        do("edit", edit_body("here", "there"), path="a")
        assert (workspace / "a").read_bytes() == b"\xff\x00 there \r\n"


class TestDelete:
    def test_a_file_goes_and_nothing_else_does(self, do: Do, workspace: Path, tmp_path: Path) -> None:
        (tmp_path / "kept").write_text("x")
        (workspace / "a").write_text("x")
        (workspace / "link").symlink_to(tmp_path / "kept")
        (workspace / "d").mkdir()
        assert do("delete", path="a").status == "ok"
        assert kind_of(do("delete", path="link")) == "OSError"
        assert kind_of(do("delete", path="d")) == "IsADirectoryError"
        assert kind_of(do("delete", path="a")) == "FileNotFoundError"
        assert (tmp_path / "kept").exists()

    def test_exactly_the_content_that_a_commit_keeps_is_deleted_or_nothing(self, do: Do, workspace: Path) -> None:
        kept = sha256(b"committed").hexdigest()
        (workspace / "a").write_text("changed since")
        assert kind_of(do("delete", path="a", kept=kept)) == "BlockingIOError"
        assert [path.name for path in workspace.iterdir()] == ["a"]
        assert (workspace / "a").read_text() == "changed since"
        (workspace / "a").write_text("committed")
        assert do("delete", path="a", kept=kept).status == "ok"
        assert list(workspace.iterdir()) == []

    def test_without_the_look_at_the_content_a_change_would_be_lost(self, do: Do, workspace: Path) -> None:
        """The defence switched off: a deletion of whatever is there."""
        (workspace / "a").write_text("changed since")
        assert do("delete", path="a").status == "ok"


class TestSearch:
    @pytest.fixture(autouse=True)
    def tree(self, workspace: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "leak.py").write_text("needle outside")
        for path, content in {
            "a.py": "needle\nhay\n",
            "src/b.py": "x = 1  # Needle\n",
            "src/deep/c.txt": "a.b\n",
            ".env": "needle=secret",
            "secrets/deep/k.py": "needle",
            "Secrets2/k.py": "nothing",
            ".git/config": "needle",
        }.items():
            (workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace / path).write_text(content)
        (workspace / "binary").write_bytes(b"\0needle")
        (workspace / "link").symlink_to(outside)

    hidden = ("secrets/**", "**/.ENV*")

    def test_glob_finds_files_and_neither_links_nor_hidden_nor_git(self, do: Do) -> None:
        found = json.loads(do("glob", path=".", pattern="**", hidden=self.hidden).body)
        assert found == ["Secrets2/k.py", "a.py", "binary", "src/b.py", "src/deep/c.txt"]
        assert json.loads(do("glob", path=".", pattern="src/*.py").body) == ["src/b.py"]
        assert json.loads(do("glob", path="src", pattern="**/*.txt").body) == ["src/deep/c.txt"]

    def test_without_hidden_the_secrets_show(self, do: Do) -> None:
        assert b"secrets/deep/k.py" in do("glob", path=".", pattern="**").body

    def test_a_hidden_directory_can_not_be_told_from_a_missing_one(self, do: Do) -> None:
        for kind in ("list", "glob", "grep"):
            hidden = do(kind, path="secrets", pattern="**", hidden=self.hidden)
            missing = do(kind, path="nothere", pattern="**", hidden=self.hidden)
            assert hidden.value["type"] == missing.value["type"] == "FileNotFoundError"
            assert hidden.value["message"].replace("secrets", "") == missing.value["message"].replace("nothere", "")

    def test_list_leaves_out_what_is_hidden_and_names_kinds(self, do: Do) -> None:
        found = {each["name"]: each["type"] for each in json.loads(do("list", path=".", hidden=self.hidden).body)}
        assert found == {
            ".git": "directory", "Secrets2": "directory", "a.py": "file", "binary": "file", "link": "link",
            "src": "directory",
        }  # fmt: skip

    def test_grep_is_literal_first(self, do: Do) -> None:
        found = json.loads(do("grep", path=".", pattern="a.b").body)
        assert found == [{"path": "src/deep/c.txt", "line": 1, "text": "a.b"}]

    def test_grep_never_shows_links_binaries_hidden_or_git(self, do: Do) -> None:
        outcome = do("grep", path=".", pattern="needle", fold=True, hidden=self.hidden)
        assert [each["path"] for each in json.loads(outcome.body)] == ["a.py", "src/b.py"]
        assert outcome.value["skipped"] == 1

    def test_grep_takes_a_regular_expression_on_request(self, do: Do) -> None:
        found = json.loads(do("grep", path=".", pattern=r"^h.y$", regex=True, glob="*.py").body)
        assert [each["line"] for each in found] == [2]
        assert kind_of(do("grep", path=".", pattern="(", regex=True)) == "ValueError"

    def test_a_catastrophic_expression_is_ended_by_the_limit(self, do: Do, workspace: Path) -> None:
        (workspace / "trap.txt").write_text("a" * 60 + "!")
        before = signal.getsignal(signal.SIGALRM)
        outcome = do("grep", path=".", pattern="(a|aa)+$", regex=True, limits=Limits(seconds=0.3))
        assert kind_of(outcome) == "TimeoutError"
        assert signal.getsignal(signal.SIGALRM) == before

    def test_outside_the_main_thread_an_expression_is_refused(self, do: Do) -> None:
        found: list[Outcome] = []
        worker = threading.Thread(target=lambda: found.append(do("grep", path=".", pattern="a", regex=True)))
        worker.start()
        worker.join()
        assert kind_of(found[0]) == "RuntimeError"

    def test_names_that_are_not_utf8_are_shown_escaped_and_skipped(self, do: Do, workspace: Path) -> None:
        (workspace / os.fsdecode(b"caf\xe9.py")).write_text("needle")
        assert b"caf\\\\xe9.py" in do("list", path=".").body
        assert do("glob", path=".", pattern="*.py").value["skipped"] == 1

    def test_a_tree_beyond_the_limits_is_an_error_that_says_so(self, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nucleus.tools.perform.fs.ENTRY_LIMIT", 5)
        outcome = do("glob", path=".", pattern="**")
        assert "more than 5 entries" in outcome.value["message"]
        assert kind_of(do("list", path=".", limits=Limits(bytes=10))) == "OSError"

    def test_directories_without_end_do_not_exhaust_descriptors(self, do: Do, workspace: Path) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        deep = workspace
        for _ in range(160):
            deep /= "d"
        deep.mkdir(parents=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
        try:
            assert do("glob", path=".", pattern="**/*.py").status == "ok"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_unknown_kind_is_a_failure_not_an_exception(perform: Do) -> None:
    assert kind_of(perform(FS, "fs.chmod", path="a")) == "RuntimeError"
