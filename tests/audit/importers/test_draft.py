"""What the policy language takes, and what becomes a question or a line of the report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.importers.draft import absolute_pattern, path_pattern
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from tests.audit.importers.imported import body, imported


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        ("", "**"),
        ("./src/**", "src/**"),
        ("/src/x", "src/x"),
        ("//etc/hosts", "/etc/hosts"),
        ("~/.ssh/*", "~/.ssh/*"),
        ("docs/", "docs/**"),
    ],
)
def test_paths_of_rules(spec: str, pattern: str) -> None:
    assert path_pattern(spec) == pattern


@pytest.mark.parametrize(
    ("path", "pattern"),
    [(".", "**"), ("/data", "/data/**"), ("/", "/**"), ("build/", "build/**"), ("~/x", "~/x/**"), ("*.log", "*.log")],
)
def test_directories(path: str, pattern: str) -> None:
    assert absolute_pattern(path) == pattern


def allow(*rules: str) -> dict[str, object]:
    return {"permissions": {"allow": list(rules)}}


def test_rules_that_admit_any_code_or_send_become_questions() -> None:
    found = imported(
        "claude", "s.json", allow("Bash(npm test)", "Bash(git log *)", "Bash(curl:*)", "Bash(python:*)", "Bash")
    )
    assert body(found) == [
        "[allow]",
        'commands = ["npm test", "git log **"]',
        "[ask]",
        'commands = ["curl **", "python **", "**"]',
    ]
    assert len(found.lost) == 3


def test_what_has_no_shape_is_named_with_its_line() -> None:
    found = imported("claude", "s.json", allow("Bash(a | b)", "Read(src/**/x/**/y)", "Skill(z)"))
    assert [line.split(": ", 2)[0] for line in found.lost] == ["s.json:4", "s.json:5", "s.json:6"]


def test_a_secret_in_a_rule_is_never_shown() -> None:
    token = "ghp_k9Xw2LmQ7vB4nT8sR1yZk9Xw2LmQ7vB4"
    found = imported("claude", "s.json", allow(f"Bash(curl -H 'Authorization: Bearer {token}' x > y)"))
    assert token not in found.report()


RULES = st.text(alphabet="Bash(git *:/.,)Read", max_size=20) | st.sampled_from(
    ["Bash(ls:*)", "Read(~/.ssh/**)", "WebFetch(domain:a.example)", "mcp__x__y", "Edit(/src/**)", "WebSearch"]
)


@given(st.lists(RULES, max_size=5), st.lists(RULES, max_size=5))
def test_whatever_comes_out_is_a_policy(allowed: list[str], denied: list[str]) -> None:
    found = imported("claude", "s.json", {"permissions": {"allow": allowed, "deny": denied}})
    file = LayerFile("--policy", "nucleus.toml", found.text.encode(), trusted=True, why="test")
    assert load_policy([file], OwnerChoices(home="/home/me"))
