"""Cases hold a policy to what its owner meant, and say which lines no case met."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import PolicyError
from nucleus.policy.cases import run_cases
from tests.policy.policies import EXAMPLE, policy

CASES = b"""version = 1
[[case]]
key = "write"
allow = ["src/a.py", "README.md"]
[[case]]
key = "fetch"
allow = ["https://docs.python.org/3/"]
deny = ["https://wiki.internal/"]
ask = ["https://elsewhere.example/"]
[[case]]
key = "mcp.github"
allow = ["get_issue"]
ask = ["delete_repo"]
"""


def test_cases_pass_and_uncovered_lines_are_named() -> None:
    report = run_cases(policy(EXAMPLE), CASES, "cases.toml")
    assert report.passed
    texts = [source.text for source in report.uncovered]
    assert '[ask] branches = "release/*"' in texts
    assert '[allow] write = "tests/**"' in texts
    assert '[allow] write = "src/**"' not in texts
    assert not any("[[rule]]" in text for text in texts)
    assert report.patterns > len(report.uncovered)


def test_a_case_that_fails_says_where_and_why() -> None:
    report = run_cases(policy(EXAMPLE), b'version = 1\n[[case]]\nkey = "write"\ndeny = [\n"src/a.py"]', "cases.toml")
    wrong = report.results[0]
    assert not report.passed
    assert (wrong.where, wrong.wanted, wrong.got, wrong.decided) == ("cases.toml:5", "deny", "allow", "nucleus.toml:4")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "version = 1"),
        ("version = 1", 1, "no cases"),
        ('version = 1\n[[cse]]\nkey = "write"', 2, "'cse'"),
        ('version = 1\n[[case]]\nkey = "wirte"\nallow = ["a"]', 2, "'wirte'"),
        ('version = 1\n[[case]]\nkey = "write"\nallows = ["a"]', 2, "'allows'"),
        ('version = 1\n[[case]]\nkey = "write"\nallow = []', 2, "not empty"),
        ('version = 1\n[[case]]\nallow = ["a"]', 2, "has a key"),
        ('version = 1\n[[case]]\nkey = "fetch"\nallow = ["https://"]', 4, "not a URL"),
        ("version = 1 1", 1, "not TOML"),
    ],
)
def test_a_wrong_cases_file_is_refused_at_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        run_cases(policy(EXAMPLE), text.encode(), "cases.toml")
    assert str(caught.value).startswith(f"cases.toml:{line}: ")
    assert says in str(caught.value)


@given(st.binary(max_size=100))
def test_any_bytes_are_cases_or_a_policy_error(data: bytes) -> None:
    with pytest.raises(PolicyError):
        run_cases(policy(profile="read_only"), data, "f")
