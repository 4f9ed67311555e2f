"""The git performer on real repositories: what it does, and that a repository can make it run nothing."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Limits, Outcome, Permit
from nucleus.tools.perform.git import GitPerformer

Do = Callable[..., Outcome]
QUIET = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "User",
    "GIT_AUTHOR_EMAIL": "user@example.com",
    "GIT_COMMITTER_NAME": "User",
    "GIT_COMMITTER_EMAIL": "user@example.com",
    "GIT_TERMINAL_PROMPT": "0",
}


def git(folder: Path, *words: str, check: bool = True, **more: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=QUIET | more, capture_output=True, text=True, check=False, timeout=30
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repo(workspace: Path) -> Path:
    git(workspace, "init", "-q", "-b", "main")
    (workspace / "README.md").write_text("hello\n")
    (workspace / "src").mkdir()
    (workspace / "src" / "a.py").write_text("a = 1\n")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    return workspace


@pytest.fixture
def do(perform: Do) -> Do:
    def run(kind: str, body: bytes = b"", **args: Any) -> Outcome:
        if kind in {"status", "diff", "log", "commit"}:
            args.setdefault("hidden", [])
        return perform(GitPerformer(), f"git.{kind}", body, **args)

    return run


def fails(outcome: Outcome) -> str:
    assert outcome.status == "failed", outcome
    return f"{outcome.value['type']}: {outcome.value['message']}"


def worked(outcome: Outcome) -> Outcome:
    assert outcome.status == "ok", outcome
    return outcome


class TestLooking:
    def test_status_is_gits_own(self, do: Do, repo: Path) -> None:
        assert worked(do("status")).value == {
            "branch": "main",
            "head": git(repo, "rev-parse", "HEAD").strip(),
            "clean": True,
        }
        (repo / "README.md").write_text("changed\n")
        (repo / "new\u00e9.txt").write_text("x")
        git(repo, "mv", "src/a.py", "src/b.py")
        expected = git(repo, "-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--no-renames")
        assert worked(do("status")).body.decode() == expected

    def test_looking_changes_nothing_on_disk(self, do: Do, repo: Path) -> None:
        os.utime(repo / "README.md", (1, 1))
        before = {path: path.stat().st_mtime_ns for path in repo.rglob("*")}
        for kind in ("status", "diff", "log"):
            worked(do(kind))
        assert {path: path.stat().st_mtime_ns for path in repo.rglob("*")} == before

    def test_diff_of_work_tree_index_and_commits(self, do: Do, repo: Path) -> None:
        (repo / "README.md").write_text("changed\n")
        assert b"+changed" in worked(do("diff")).body
        assert worked(do("diff", staged=True)).body == b""
        git(repo, "commit", "-qam", "second")
        assert worked(do("diff")).body == b""
        assert b"+changed" in worked(do("diff", base="HEAD~1", head="HEAD")).body
        assert worked(do("diff", base="HEAD~1", head="HEAD", paths=["src"])).body == b""

    def test_log_has_one_line_for_each_commit(self, do: Do, repo: Path) -> None:
        git(repo, "commit", "-qm", "second", "--allow-empty")
        lines = worked(do("log")).body.decode().splitlines()
        assert [line.rpartition(": ")[2] for line in lines] == ["second", "first"]
        assert worked(do("log", limit=1)).value["count"] == 1

    def test_hidden_paths_show_nowhere(self, do: Do, repo: Path) -> None:
        (repo / "secrets").mkdir()
        (repo / "secrets" / "key").write_text("canary")
        (repo / ".env").write_text("canary")
        git(repo, "add", ".")
        git(repo, "commit", "-qm", "second")
        for path in ("secrets/key", ".env"):
            (repo / path).write_text("canary two")
        hidden = ["secrets/**", "secrets", "**/.ENV*"]
        assert b"secrets/key" in do("status").body
        assert b"canary" in do("diff").body
        assert do("status", hidden=hidden).body == b""
        assert do("diff", hidden=hidden).body == b""
        assert do("diff", hidden=hidden, base="HEAD~1", head="HEAD").body == b""
        assert do("log", hidden=hidden).value["count"] == 1

    @pytest.mark.parametrize(
        "rev", ["--output=x", "-p", "main..HEAD", ":/first", "main:README.md", "", "nothere", "a b", "HEAD@{0}"]
    )
    def test_a_revision_is_a_name_and_nothing_else(self, do: Do, repo: Path, rev: str) -> None:
        if rev:
            assert "ValueError" in fails(do("log", rev=rev))
            assert "ValueError" in fails(do("diff", base=rev))
        assert sorted(os.listdir(repo)) == [".git", "README.md", "src"]

    @pytest.mark.parametrize("path", [":(top)src", ":!README.md", "--output=x", "../", "/etc"])
    def test_a_path_is_literal(self, do: Do, repo: Path, path: str) -> None:
        (repo / "README.md").write_text("changed\n")
        outcome = do("diff", paths=[path])
        assert outcome.status == "failed" or outcome.body == b""

    def test_a_diff_beyond_the_limit_is_an_error(self, do: Do, repo: Path) -> None:
        (repo / "README.md").write_text("x\n" * 10_000)
        assert "larger than the limit" in fails(do("diff", limits=Limits(bytes=1000)))

    def test_no_commit_yet(self, do: Do, workspace: Path) -> None:
        git(workspace, "init", "-q", "-b", "main")
        (workspace / "a").write_text("x")
        assert worked(do("status")).value["head"] == ""
        assert worked(do("log")).value["count"] == 0
        assert worked(do("commit", b"first")).value["branch"] == "main"
        assert git(workspace, "log", "--format=%s") == "first\n"
        assert git(workspace, "status", "--porcelain") == ""


class TestCommit:
    def test_everything_that_changed_is_committed_and_the_user_sees_a_clean_tree(self, do: Do, repo: Path) -> None:
        (repo / "README.md").write_text("changed\n")
        (repo / "src" / "a.py").unlink()
        (repo / "new").write_text("new\n")
        (repo / "new").chmod(0o755)
        (repo / "link").symlink_to("new")
        value = worked(do("commit", "Second \u00e9\n\nwith a body".encode())).value
        assert git(repo, "status", "--porcelain") == ""
        assert git(repo, "rev-parse", "main").strip() == value["commit"]
        assert git(repo, "log", "-1", "--format=%B").strip() == "Second \u00e9\n\nwith a body"
        assert git(repo, "ls-tree", "-r", "--name-only", "HEAD").split() == ["README.md", "link", "new"]
        git(repo, "fsck", "--strict")
        assert "commit: Second" in git(repo, "reflog", "-1")

    def test_only_the_paths_named_and_what_was_staged_stays_staged(self, do: Do, repo: Path) -> None:
        (repo / "README.md").write_text("changed\n")
        (repo / "src" / "a.py").write_text("a = 2\n")
        git(repo, "add", "src/a.py")
        worked(do("commit", b"second", paths=["README.md"]))
        assert git(repo, "show", "--name-only", "--format=", "HEAD").split() == ["README.md"]
        assert git(repo, "status", "--porcelain") == "M  src/a.py\n"

    def test_the_name_of_the_repository_is_used_and_else_the_agents(self, do: Do, repo: Path) -> None:
        (repo / "a").write_text("1")
        worked(do("commit", b"second"))
        assert git(repo, "log", "-1", "--format=%an <%ae>").strip() == "Nucleus agent <agent@nucleus.invalid>"
        git(repo, "config", "user.name", "Some <x> One\t")
        git(repo, "config", "user.email", "one@example.com")
        (repo / "a").write_text("2")
        worked(do("commit", b"third"))
        assert git(repo, "log", "-1", "--format=%an <%ae>").strip() == "Some x One <one@example.com>"

    @pytest.mark.parametrize("message", [b"", b" \n", b"\xff", b"a\0b", b"x" * 70_000])
    def test_an_odd_message_is_refused(self, do: Do, repo: Path, message: bytes) -> None:
        (repo / "a").write_text("1")
        assert "ValueError" in fails(do("commit", message))
        assert git(repo, "log", "--format=%s") == "first\n"

    def test_nothing_to_commit_is_said(self, do: Do, repo: Path) -> None:
        assert "nothing to commit" in fails(do("commit", b"second"))
        (repo / ".env").write_text("x")
        assert "1 hidden" in fails(do("commit", b"second", hidden=["**/.env*"]))

    def test_hidden_paths_are_left_out(self, do: Do, repo: Path) -> None:
        (repo / ".env").write_text("canary")
        (repo / "a").write_text("x")
        assert worked(do("commit", b"second", hidden=["**/.ENV*"])).value["hidden"] == 1
        assert git(repo, "ls-tree", "--name-only", "HEAD").split() == ["README.md", "a", "src"]

    def test_an_assume_unchanged_mark_hides_nothing(self, do: Do, repo: Path) -> None:
        git(repo, "update-index", "--assume-unchanged", "README.md")
        (repo / "README.md").write_text("changed\n")
        assert git(repo, "status", "--porcelain") == ""
        assert worked(do("commit", b"second")).value["paths"] == ["README.md"]

    def test_a_sparse_checkout_does_not_lose_files(self, do: Do, repo: Path) -> None:
        git(repo, "sparse-checkout", "set", "--no-cone", "/README.md")
        assert not (repo / "src").exists()
        (repo / "README.md").write_text("changed\n")
        assert worked(do("commit", b"second")).value["paths"] == ["README.md"]
        assert "src/a.py" in git(repo, "ls-tree", "-r", "--name-only", "HEAD")

    def test_line_endings_go_by_the_repositorys_own_setting(self, do: Do, repo: Path) -> None:
        git(repo, "config", "core.autocrlf", "true")
        (repo / "README.md").write_bytes(b"a\r\nb\r\n")
        worked(do("commit", b"second"))
        assert git(repo, "cat-file", "blob", "HEAD:README.md") == "a\nb\n"
        assert git(repo, "status", "--porcelain") == ""

    def test_a_path_with_a_filter_is_refused_because_its_program_is_not_run(self, do: Do, repo: Path) -> None:
        (repo / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
        (repo / "a.bin").write_text("large")
        assert "filter program 'lfs'" in fails(do("commit", b"second"))
        assert worked(do("commit", b"second", paths=[".gitattributes"])).status == "ok"

    @pytest.mark.parametrize("mark", ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge"])
    def test_an_unfinished_operation_is_not_committed_over(self, do: Do, repo: Path, mark: str) -> None:
        (repo / ".git" / mark).write_text(git(repo, "rev-parse", "HEAD"))
        (repo / "a").write_text("x")
        assert "BlockingIOError" in fails(do("commit", b"second"))

    def test_a_detached_head_and_a_nested_repository_are_refused(self, do: Do, repo: Path) -> None:
        (repo / "nested").mkdir()
        git(repo / "nested", "init", "-q")
        git(repo / "nested", "commit", "-qm", "x", "--allow-empty")
        assert "repository of its own" in fails(do("commit", b"second"))
        git(repo, "checkout", "-q", "--detach")
        assert "detached" in fails(do("commit", b"second"))

    def test_another_git_at_work_is_respected(self, do: Do, repo: Path) -> None:
        (repo / "a").write_text("x")
        before = git(repo, "rev-parse", "main")
        for lock in ("index.lock", "refs/heads/main.lock"):
            (repo / ".git" / lock).write_text("")
            assert "BlockingIOError" in fails(do("commit", b"second"))
            (repo / ".git" / lock).unlink()
        assert git(repo, "rev-parse", "main") == before
        worked(do("commit", b"second"))
        assert not list((repo / ".git").rglob("*.lock"))

    def test_a_packed_repository_and_a_split_index_work_too(self, do: Do, repo: Path) -> None:
        git(repo, "update-index", "--split-index")
        git(repo, "pack-refs", "--all")
        git(repo, "gc", "-q")
        (repo / "a").write_text("x")
        worked(do("commit", b"second"))
        assert git(repo, "status", "--porcelain") == ""
        git(repo, "fsck", "--strict")

    def test_sha256_repositories_work_too(self, do: Do, workspace: Path) -> None:
        git(workspace, "init", "-q", "-b", "main", "--object-format=sha256")
        (workspace / "a").write_text("x")
        assert len(worked(do("commit", b"first")).value["commit"]) == 64
        assert git(workspace, "status", "--porcelain") == ""

    def test_a_linked_worktree_works_and_a_forged_one_does_not(self, do: Do, repo: Path, tmp_path: Path) -> None:
        git(repo, "worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
        linked = tmp_path / "linked"
        (linked / "a").write_text("x")
        moved = Path(str(repo) + ".moved")
        repo.rename(moved)
        linked.rename(repo)
        assert fails(do("status"))
        repo.rename(linked)
        moved.rename(repo)
        forged = tmp_path / "forged"
        forged.mkdir()
        (forged / ".git").write_text((linked / ".git").read_text())
        for place, expected in ((linked, "ok"), (forged, "failed")):
            permit = Permit(1, "git.commit", {"hidden": []}, str(place))
            assert GitPerformer().perform(permit, b"second").status == expected
        assert git(linked, "status", "--porcelain") == ""
        assert git(repo, "log", "-1", "--format=%s", "topic") == "second\n"

    def test_a_giant_is_refused_before_it_is_read(self, do: Do, repo: Path) -> None:
        with (repo / "giant").open("wb") as file:
            file.truncate(101 * 1024 * 1024)
        (repo / "a").write_text("x")
        assert "larger than the limit" in fails(do("commit", b"second"))
        assert worked(do("commit", b"second", paths=["a"])).value["count"] == 1

    def test_awkward_names_are_committed(self, do: Do, repo: Path) -> None:
        for name in (b"line\nbreak", b"caf\xe9", b"-rf", b":(glob)x", b'quo"te'):
            (repo / os.fsdecode(name)).write_text("x")
        worked(do("commit", b"second"))
        assert git(repo, "status", "--porcelain") == ""


class TestBranch:
    def test_a_topic_branch_is_made_and_gone_on_with(self, do: Do, repo: Path) -> None:
        (repo / "README.md").write_text("changed\n")
        assert worked(do("branch", branch="fix/one", switch=True)).value["branch"] == "fix/one"
        assert git(repo, "symbolic-ref", "HEAD").strip() == "refs/heads/fix/one"
        worked(do("commit", b"second"))
        assert git(repo, "log", "--format=%s", "main") == "first\n"
        assert git(repo, "log", "--format=%s", "fix/one") == "second\nfirst\n"

    def test_without_switch_the_head_stays(self, do: Do, repo: Path) -> None:
        worked(do("branch", branch="other", switch=False))
        assert git(repo, "symbolic-ref", "HEAD").strip() == "refs/heads/main"

    def test_one_that_exists_or_is_in_the_way_is_refused(self, do: Do, repo: Path) -> None:
        git(repo, "branch", "a/b")
        git(repo, "pack-refs", "--all")
        for name in ("main", "a", "a/b", "a/b/c"):
            assert "FileExistsError" in fails(do("branch", branch=name))

    @pytest.mark.parametrize(
        "name", ["", "-x", "a..b", "a b", "a.lock", "x/.y", "../../hooks/x", "a~1", "a\n", "@{-1}", "a/"]
    )
    def test_a_name_that_git_would_not_take_is_refused(self, do: Do, repo: Path, name: str) -> None:
        before = sorted(repo.rglob("*"))
        assert "ValueError" in fails(do("branch", branch=name))
        assert sorted(repo.rglob("*")) == before


class TestBorrowed:
    def test_objects_from_elsewhere_are_refused_where_plain_git_reads_them(
        self, do: Do, repo: Path, tmp_path: Path
    ) -> None:
        """A repository that borrows another one's objects could push them out."""
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        (other / "key").write_text("canary")
        git(other, "add", ".")
        blob = git(other, "hash-object", "key").strip()
        for borrow in ("alternates", "pack"):
            if borrow == "alternates":
                place = repo / ".git/objects/info/alternates"
                place.write_text(f"{other}/.git/objects\n")
            else:
                git(other, "commit", "-qm", "x")
                git(other, "gc", "-q")
                place = repo / ".git/objects/pack"
                place.rmdir()
                place.symlink_to(other / ".git/objects/pack")
            assert git(repo, "cat-file", "blob", blob) == "canary"
            assert "PermissionError" in fails(do("log"))
            place.unlink()

    def test_replacement_refs_do_not_fool(self, do: Do, repo: Path) -> None:
        first = git(repo, "rev-parse", "HEAD").strip()
        fake = git(repo, "commit-tree", "-m", "forged", "HEAD^{tree}").strip()
        git(repo, "replace", first, fake)
        assert git(repo, "log", "--format=%s") == "forged\n"
        assert worked(do("log")).body.endswith(b": first\n")

    def test_a_git_directory_that_is_a_link_is_not_followed(self, do: Do, repo: Path, tmp_path: Path) -> None:
        (repo / ".git").rename(tmp_path / "elsewhere")
        (repo / ".git").symlink_to(tmp_path / "elsewhere")
        assert git(repo, "status", "--porcelain") == ""
        assert "symbolic link" in fails(do("status"))

    def test_a_folder_that_is_no_repository_is_not_searched_upwards(self, repo: Path) -> None:
        permit = Permit(1, "git.status", {"hidden": []}, str(repo / "src"))
        assert git(repo / "src", "status", "--porcelain") == ""
        assert "not a git repository" in fails(GitPerformer().perform(permit, b""))

    def test_an_unknown_format_is_refused(self, do: Do, repo: Path) -> None:
        git(repo, "config", "core.repositoryFormatVersion", "1")
        git(repo, "config", "extensions.refStorage", "reftable")
        assert "extensions.refstorage" in fails(do("status"))


_WORDS = """
alias.canary browser.c.cmd browser.c.path commit.template core.alternateRefsCommand
core.askPass core.attributesFile core.editor core.excludesFile core.fsmonitor core.gitProxy core.hooksPath core.pager
core.sshCommand credential.helper credential.https://example.com.helper diff.c.command diff.c.textconv diff.external
diff.guitool diff.tool difftool.c.cmd difftool.c.path filter.c.clean filter.c.process filter.c.smudge gpg.program
gpg.openpgp.program gpg.ssh.defaultKeyCommand gpg.ssh.program gpg.x509.program guitool.c.cmd help.browser help.htmlPath
http.proxy http.https://example.com.proxy include.path includeIf.gitdir:/.path init.templateDir
instaweb.browser instaweb.httpd instaweb.modulePath interactive.diffFilter man.c.cmd man.c.path man.viewer
merge.c.driver merge.guitool merge.tool mergetool.c.cmd mergetool.c.path pager.diff pager.log pager.status pager.show
remote.origin.proxy remote.origin.pushurl remote.origin.receivepack remote.origin.uploadpack remote.origin.url
remote.origin.vcs sendemail.ccCmd sendemail.tocmd sendemail.headerCmd sendemail.smtpServer sendemail.sendmailCmd
sequence.editor submodule.sub.update trailer.c.cmd trailer.c.command uploadpack.packObjectsHook
url.ext::CANARY.insteadOf url.ext::CANARY.pushInsteadOf web.browser fsmonitor.socketDir gitweb.url
"""
PROGRAM_KEYS = tuple(_WORDS.split())
"""Every documented key that can name a program, a helper, or a place from which one is taken."""

REVIEWED = {
    "advice": "texts", "clean.requireForce": "a flag", "clone.filterSubmodules": "a flag", "color": "colours",
    "column": "layout", "commit.cleanup": "a word", "completion.commands": "names of git's own commands",
    "commitGraph": "a number", "core.fsmonitorHookVersion": "a number", "core.logAllRefUpdates": "a flag",
    "core.quotePath": "a flag", "credential.useHttpPath": "a flag", "diff.<driver>": "words and expressions",
    "difftool": "flags", "mergetool": "flags", "fetch": "flags", "fsck": "severities",
    "fsmonitor.allowRemote": "a flag",
    "ssh.variant": "a word",
    "gitcvs": "a server that nobody starts", "gitweb": "a page's settings", "gpg.ssh.allowedSignersFile": "data",
    "gpg.ssh.revocationFile": "data", "gui": "a word", "guitool": "texts of a window", "http": "transport settings",
    "instaweb": "flags", "merge.<driver>": "words", "notes": "flags", "push": "flags", "rebase": "flags",
    "receive": "flags", "remote.<name>": "flags and refs", "repack": "flags", "rerere": "flags",
    "sendemail": "a program that nobody starts", "stash": "flags", "status": "flags", "transfer": "flags",
    "uploadpack": "flags", "uploadpackfilter": "flags", "submodule.<name>.url": "a URL", "user.signingKey": "a name",
}  # fmt: skip

NAMES_A_PROGRAM = re.compile(
    r"cmd|command|program|helper|editor|pager|hook|textconv|driver|process|clean|smudge|askpass|proxy|uploadpack"
    r"|receivepack|vcs|tool|browser|filter|template|exec|path$|insteadof|viewer|fsmonitor|alias|include|trailer"
    r"|sendemail|update|external|ssh|url|httpd",
    re.IGNORECASE,
)


def as_documented(key: str) -> str:
    """Return a key of ours with its changeable part as git's own list writes it."""
    first, _, rest = key.partition(".")
    middle, _, last = rest.rpartition(".")
    return f"{first}.{last}".lower() if middle else key.lower()


def test_every_documented_key_that_looks_like_a_program_is_tried_or_reviewed() -> None:
    ours = {as_documented(key) for key in PROGRAM_KEYS} | {"alias.*", "pager.<cmd>"}
    listed = git(Path("/"), "help", "-c").split("\n\n")[0].split()
    assert len(listed) > 300
    missing = []
    for key in listed:
        if not NAMES_A_PROGRAM.search(key) or key.endswith(".*"):
            continue
        known = as_documented(re.sub(r"<[^>]*>", "c", key)) in ours or key.lower() in ours
        if not known and not any(key.lower().startswith(each.lower()) for each in REVIEWED):
            missing.append(key)
    assert missing == []


HOOKS = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "pre-push", "post-checkout",
    "reference-transaction",
    "post-index-change", "fsmonitor-watchman", "post-rewrite", "pre-auto-gc", "pre-receive", "update", "post-receive",
    "proc-receive", "post-update", "push-to-checkout",
)  # fmt: skip


class Hostile:
    """A repository in which every such key touches a canary of its own."""

    def __init__(self, repo: Path, canaries: Path, keys: tuple[str, ...] = PROGRAM_KEYS) -> None:
        self.repo = repo
        self.canaries = canaries
        canaries.mkdir()
        programs = canaries.parent / "programs"
        programs.mkdir()
        lines = []
        for number, key in enumerate(keys):
            program = programs / f"p{number}"
            program.write_text(f'#!/bin/sh\n: > "{canaries}/{key.replace("/", "_")}"\nexit 0\n')
            program.chmod(0o755)
            lines.append(self._line(key.replace("CANARY", str(program)), self._value(key, program)))
        self._hooks(repo / ".git" / "hooks", "hooks")
        self._attributes()
        config = (repo / ".git" / "config").read_text()
        (repo / ".git" / "config").write_text(config + "\n".join(lines) + "\n" + self.switches())

    @staticmethod
    def _line(key: str, value: str) -> str:
        first, _, rest = key.partition(".")
        middle, _, last = rest.rpartition(".")
        head = f'[{first} "{middle}"]' if middle else f"[{first}]"
        return f"{head}\n\t{last} = {json.dumps(value)}"

    def _value(self, key: str, program: Path) -> str:
        """Return what makes git run the program through this key."""
        first, name = key.partition(".")[0], key.rpartition(".")[2]
        folder = program.with_name(program.name + ".d")
        if name in {"hooksPath", "templateDir"}:
            hooks = folder / ("hooks" if name == "templateDir" else "")
            hooks.mkdir(parents=True)
            self._hooks(hooks, key)
            return str(folder)
        if name == "path" and first in {"include", "includeIf"}:
            file = program.with_name(program.name + ".inc")
            file.write_text(f'[core]\n\tfsmonitor = "{program}"\n[diff "inc"]\n\ttextconv = "{program}"\n')
            return str(file)
        if name in {"attributesFile", "excludesFile"}:
            file = program.with_name(program.name + ".attributes")
            file.write_text("* filter=c diff=c merge=c\n")
            return str(file)
        special = {
            "remote.origin.url": "https://example.com/x.git",
            "remote.origin.pushurl": f"ext::{program} %S",
            "submodule.sub.update": f"!{program}",
            "alias.canary": f"!{program}",
        }
        return "https://example.com/" if name.lower().endswith("insteadof") else special.get(key, str(program))

    def _hooks(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        for hook in HOOKS:
            file = folder / hook
            file.write_text(f'#!/bin/sh\n: > "{self.canaries}/{name}:{hook}"\nexit 0\n')
            file.chmod(0o755)

    def _attributes(self) -> None:
        (self.repo / ".git" / "info").mkdir(exist_ok=True)
        (self.repo / ".git" / "info" / "attributes").write_text("* diff=c merge=c\n")
        (self.repo / ".gitmodules").write_text(
            '[submodule "sub"]\n\tpath = sub\n\turl = ext::x\n\tupdate = !x\n\tignore = none\n'
        )

    @staticmethod
    def switches() -> str:
        """Return what makes git use the programs without being asked."""
        return (
            "[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n"
            "[push]\n\tgpgSign = if-asked\n\trecurseSubmodules = on-demand\n"
            "[log]\n\tshowSignature = true\n[submodule]\n\trecurse = true\n[status]\n\tsubmoduleSummary = true\n"
            '[protocol]\n\tallow = always\n[protocol "ext"]\n\tallow = always\n[filter "c"]\n\trequired = true\n'
            "[diff]\n\tignoreSubmodules = none\n[user]\n\tsigningKey = x\n"
        )

    def fired(self) -> set[str]:
        return set(os.listdir(self.canaries))


@pytest.fixture
def hostile(repo: Path, tmp_path: Path) -> Hostile:
    sub = repo / "sub"
    sub.mkdir()
    git(sub, "init", "-q")
    git(sub, "commit", "-qm", "sub", "--allow-empty")
    git(repo, "-c", "advice.addEmbeddedRepo=false", "add", "sub")
    git(repo, "commit", "-qm", "with a submodule")
    made = Hostile(repo, tmp_path / "canaries")
    (sub / ".git" / "config").write_text((repo / ".git" / "config").read_text())
    (sub / "dirty").write_text("x")
    return made


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    place = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(place))
    return place


def test_a_repository_with_every_program_key_runs_none_of_them(
    hostile: Hostile, do: Do, repo: Path, remote: Path
) -> None:
    (repo / "README.md").write_text("changed\n")
    (repo / "new").write_text("x")
    worked(do("status"))
    assert b"+changed" in worked(do("diff")).body
    worked(do("diff", staged=True))
    worked(do("log"))
    worked(do("branch", branch="topic", switch=True))
    worked(do("commit", b"second", paths=["README.md", "new", ".gitmodules"]))
    assert b"+changed" in worked(do("diff", base="HEAD~1", head="HEAD")).body
    pushed = do("push", url=str(remote), source="refs/heads/topic", target="refs/heads/topic")
    assert worked(pushed).value["commit"] == git(remote, "rev-parse", "topic").strip()
    assert hostile.fired() == set()
    (repo / ".gitattributes").write_text("* filter=c diff=c merge=c\n")
    (repo / "README.md").write_text("changed again\n")
    worked(do("status"))
    worked(do("diff"))
    assert "filter program" in fails(do("commit", b"third"))
    assert hostile.fired() == set()


def test_plain_git_in_the_same_repository_runs_them(hostile: Hostile, repo: Path, remote: Path) -> None:
    """The defence switched off: the same operations, through git as anybody would call it."""
    (repo / "README.md").write_text("changed\n")
    for attributes in ("* diff=c\n", "* filter=c\n", ""):
        (repo / ".gitattributes").write_text(attributes)
        for words in (
            ["status"], ["diff"], ["--paginate", "log", "-1"], ["add", "."], ["canary"], ["commit", "-m", "x"],
            ["commit", "--no-gpg-sign", "-m", "x"], ["push", str(remote), "main"], ["push", "origin", "main"],
        ):  # fmt: skip
            git(repo, *words, check=False)
    fired = hostile.fired()
    print(f"\nfired under plain git: {sorted(fired)}")
    assert {"filter.c.process", "alias.canary", "core.hooksPath:pre-push", "includeIf.gitdir:_.path"} <= fired


ARMED = [
    ("core.fsmonitor", ["status"], ""),
    ("diff.external", ["diff"], ""),
    ("diff.c.command", ["diff"], "* diff=c"),
    ("diff.c.textconv", ["diff"], "* diff=c"),
    ("filter.c.clean", ["add", "."], "* filter=c"),
    ("filter.c.process", ["add", "."], "* filter=c"),
    ("core.hooksPath", ["commit", "-am", "x"], ""),
    ("gpg.program", ["commit", "-S", "-am", "x"], ""),
    ("core.editor", ["commit", "-a"], ""),
    ("alias.canary", ["canary"], ""),
    ("sequence.editor", ["rebase", "-i", "--root", "--autostash"], ""),
    ("include.path", ["status"], ""),
    ("includeIf.gitdir:/.path", ["status"], ""),
    ("core.sshCommand", ["fetch", "ssh://host.invalid/x"], ""),
    ("core.gitProxy", ["fetch", "git://host.invalid/x"], ""),
    ("remote.origin.pushurl", ["push", "origin", "main"], ""),
    ("url.ext::CANARY.insteadOf", ["fetch", "https://example.com/"], ""),
]
"""Keys that one plain command sets off, each alone: key, command, attributes."""


@pytest.mark.parametrize(("key", "words", "attributes"), ARMED, ids=[key for key, _, _ in ARMED])
def test_each_key_alone_runs_under_plain_git_and_not_here(
    repo: Path, remote: Path, do: Do, tmp_path: Path, key: str, words: list[str], attributes: str
) -> None:
    hostile = Hostile(repo, tmp_path / "canaries", keys=(key,))
    (repo / ".git" / "hooks").rename(repo / ".git" / "no-hooks")
    (repo / ".git" / "info" / "attributes").unlink()
    if attributes:
        (repo / ".gitattributes").write_text(attributes)
    (repo / "README.md").write_text("changed\n")
    for kind in ("status", "diff", "log"):
        worked(do(kind))
    do("commit", b"second", paths=["README.md"])
    worked(do("push", url=str(remote), source="refs/heads/main", target="refs/heads/main"))
    assert hostile.fired() == set()
    (repo / "README.md").write_text("changed again\n")
    git(repo, *words, check=False)
    assert hostile.fired() != set()


def test_configuration_in_the_environment_of_the_worker_is_not_passed_on(
    do: Do, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n: > {canary}\n")
    program.chmod(0o755)
    for name, value in {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(program),
        "GIT_EXTERNAL_DIFF": str(program), "GIT_EXEC_PATH": str(tmp_path), "GIT_PAGER": str(program),
        "LD_PRELOAD": "", "GIT_DIR": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    program.rename(tmp_path / "git")
    (repo / "README.md").write_text("changed\n")
    assert b"+changed" in worked(do("diff")).body
    assert not canary.exists()


def test_no_scratch_stays_behind(do: Do, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    worked(do("status"))
    fails(do("log", rev="nothere"))
    assert os.listdir(scratch) == []


def test_git_that_does_not_end_is_ended_with_its_children(do: Do, repo: Path) -> None:
    assert "TimeoutError" in fails(do("status", limits=Limits(seconds=0.0001)))
