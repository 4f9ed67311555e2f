"""Whatever the bytes: a checked document, or an error with file, line and fix."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import PolicyError
from nucleus.policy.cases import run_cases
from nucleus.policy.document import SIZE_LIMIT, Document, did_you_mean, read_document
from nucleus.policy.model import KEYS
from nucleus.policy.schema import CAPABILITIES, GROUPS, PREDICATE_NAMES, PREDICATES
from tests.policy.policies import policy


def refused(text: str | bytes) -> PolicyError:
    """Return the error that a file is refused with."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(PolicyError) as caught:
        read_document(data, "nucleus.toml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "says", "fix"),
    [
        ("", 1, "no 'version'", "version = 1"),
        ("version = 2", 1, "version 2", "version = 1"),
        ('version = "1"', 1, "whole number", "version = 1"),
        ("version = true", 1, "whole number", "version = 1"),
        ("version = 1\n[alow]", 2, "'alow'", "'allow'"),
        ('version = 1\n[allow]\nwrit = ["a"]', 3, "'writ'", "'write'"),
        ("version = 1\n[allow]\nwrite = []", 3, "empty", "leave the key out"),
        ('version = 1\n[allow]\nwrite = "a"', 3, "a list, not a text", 'write = ["a"]'),
        ("version = 1\n[allow.write]\na = 1", 2, "a list, not a table", "write"),
        ('version = 1\nallow = ["a"]', 2, "a table, not a list", "[allow]"),
        ('version = 1\n[allow]\nwrite = ["a",\n  1]', 4, "a number", "quotes"),
        ('version = 1\n[allow]\nwrite = [\n""]', 4, "empty text", "leave it out"),
        ('version = 1\n[allow]\nread = ["a"]\nread = ["b"]', 4, "twice", "keep one"),
        ("version = 1\n[deny]\n[deny]", 3, "twice", "keep one"),
        ('version = 1\n[capabilities]\ngit_push = "sometimes"', 3, "'sometimes'", "never"),
        ('version = 1\n[capabilities]\ngitpush = "never"', 3, "'gitpush'", "'git_push'"),
        ("version = 1\n[budget]\nminutes = 0", 3, "above 0", "minutes = 1"),
        ("version = 1\n[budget]\nminutes = 1.5", 3, "whole number", "minutes"),
        ("version = 1\n[budget]\nusd = -1", 3, "above 0", "usd"),
        ("version = 1\n[budget]\ncalls = 99999999999999999999", 3, "whole number", "calls"),
        ('version = 1\n[[rule]]\nwhen = "fetch"', 2, "no 'then'", "then"),
        ('version = 1\n[[rule]]\nwhen = "fetch"\nthen = "allow"', 4, "'allow'", "ask"),
        ('version = 1\n[rule]\nwhen = "fetch"', 2, "a list of tables", "[[rule]]"),
        ('version = 1\n[mcp]\ngithub = ["a"]', 3, "a table", "[mcp.github]"),
        ("version = 1\nprofile = 1", 2, "a text", "profile"),
        ('version = 1\nprofile = "a\\u001b[31m"', 2, "can't be seen", "visible"),
        ('version = 1\n[mcp."a\\u202e"]\nallow = ["x"]', 2, "can't be seen", "visible"),
        ('version = 1\n[remotes.origin]\npublic = "yes"', 3, "true or false", "public = true"),
        ("version = 1\nname = 1", 2, "'name'", ""),
        ("version = 1 2", 1, "not TOML", ""),
        ("a = [[[[[[" * 2000, 1, "", ""),
        (b"version = 1\nprofile = '\xff'", 2, "UTF-8", "UTF-8"),
        (b"\xef\xbb\xbfversion = 1", 1, "not TOML", ""),
        ("version = " + "1" * 5000, 1, "not TOML", ""),
    ],
)
def test_a_wrong_file_is_refused_at_its_line_with_the_fix(text: str | bytes, line: int, says: str, fix: str) -> None:
    error = refused(text)
    assert (error.path, error.line) == ("nucleus.toml", line)
    assert says in error.message
    assert fix in error.fix
    assert str(error).startswith(f"nucleus.toml:{line}: ")


def test_a_file_that_is_too_long_is_refused_unread() -> None:
    assert "bytes" in refused(b"#" * (SIZE_LIMIT + 1)).message


def test_a_line_is_known_for_each_element_and_near_for_what_is_not_there() -> None:
    document = read_document(b'version = 1\n[allow]\nwrite = [\n "a",\n "b"]\n', "f")
    assert document.where("allow", "write", 1) == "f:5"
    assert document.where("allow", "nothing") == "f:2"
    assert document.where("nothing") == "f:1"


def test_a_range_of_ports_may_be_numbers() -> None:
    assert read_document(b'version = 1\n[allow]\nports = [8000, "9000-9002"]', "f").table("allow")["ports"] == [
        8000,
        "9000-9002",
    ]


def test_the_nearest_word_is_proposed_and_else_all_of_them() -> None:
    assert did_you_mean("wirte", ["write", "read"]) == "did you mean 'write'?"
    assert did_you_mean("zzz", ["write", "read"]) == "one of: write, read"


def outcome(data: bytes) -> Document | PolicyError:
    """Return what reading comes to."""
    try:
        return read_document(data, "f")
    except PolicyError as error:
        return error


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_policy_error(data: bytes) -> None:
    assert outcome(data).path == "f"


words = st.sampled_from(
    [
        "version",
        "profile",
        "allow",
        "ask",
        "deny",
        "otherwise",
        "labels",
        "capabilities",
        "mcp",
        "remotes",
        "budget",
        "rule",
        "read",
        "write",
        "fetch",
        "when",
        "then",
        "match",
        "host",
        "minutes",
        "usd",
        "public",
        "url",
        "refs",
        "untrusted",
    ]
)
leaves = st.one_of(st.integers(-2, 3), st.booleans(), st.floats(-1, 2), st.text(max_size=4), words)
tomls = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


def written(value: object) -> str:
    """Return a value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=True) if not isinstance(value, float) else repr(value)


@given(st.dictionaries(words, tomls, max_size=5))
def test_any_toml_made_of_our_own_words_is_a_document_or_a_policy_error(content: dict[str, object]) -> None:
    content["version"] = 1
    text = "\n".join(f"{key} = {written(value)}" for key, value in content.items())
    found = outcome(text.encode("utf-8", "replace"))
    assert isinstance(found, Document) or 1 <= found.line <= text.count("\n") + 1


def test_every_policy_in_the_manual_loads() -> None:
    manual = Path(__file__).parents[2] / "docs" / "policy.md"
    blocks = re.findall(r"^```toml\n(.*?)^```", manual.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    cases = re.findall(r"^```toml cases\n(.*?)^```", manual.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    assert cases
    found = [policy(block, profile="safe_pr_fixer") for block in blocks]
    assert run_cases(found[0], cases[0].encode(), "cases.toml").passed


def test_the_manual_names_every_key_and_trigger() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    assert [name for name in (*KEYS, *PREDICATES, *PREDICATE_NAMES, *CAPABILITIES, *GROUPS) if name not in manual] == []
