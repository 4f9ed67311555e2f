"""What a record may hold: names, never contents, never what looks like a secret."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.trace.canonical import encode
from nucleus.trace.redact import NAMES, Redactor, suspicious

R = Redactor(b"k" * 32)
SECRETS = [
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIAIOSFODNN7EXAMPLE1",
    "password=hunter2",
    "Authorization: Bearer abc",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "https://user:pw@example.org/x",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "4111111111111111",
    "api_key: x",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_shape_of_a_secret_is_not_kept_even_as_a_name(secret: str) -> None:
    assert suspicious(secret)
    for name in sorted(NAMES):
        shown = json.dumps(R.arguments({name: secret, secret: "x"}) | R.arguments({name: [secret, "a"]}))
        assert secret not in shown
    assert secret not in R.destination(secret) + R.error(secret)


@pytest.mark.parametrize(
    "name",
    [
        "src/nucleus/trace/redact.py",
        "docs/2026-11-24-notes.md",
        "tests/test_authentication_flow.py",
        "refs/heads/feature/token-page",
        "node_modules/@types/node",
        "C:/Users/x/file.txt",
        "README.md",
    ],
)
def test_ordinary_names_are_kept(name: str) -> None:
    assert R.arguments({"path": name}) == {"path": name}
    assert R.destination(name) == name


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org", "https://example.org"),
        ("https://example.org:8443/", "https://example.org:8443"),
        ("https://example.org/leak/canary?d=canary#canary", "https://example.org/[27 characters]"),
        ("https://canary:canary@example.org/", "https://example.org"),
        ("https://[canary", "[15 characters]"),
        ("canary", "[6 characters]"),
        ("https://example.org:canary/", "[27 characters]"),
    ],
)
def test_of_a_url_only_the_host_is_kept(url: str, shown: str) -> None:
    assert R.arguments({"url": url}) == {"url": shown}


def test_contents_are_kept_as_lengths() -> None:
    args = {
        "path": "a",
        "body": "canary",
        "data": b"canary",
        "env": {"A": "canary"},
        "n": 5,
        "flag": True,
        "none": None,
        "nothing": "",
    }
    assert R.arguments(args) == {
        "path": "a",
        "body": "[6 characters]",
        "data": "[6 bytes]",
        "env": "[1 values]",
        "n": 5,
        "flag": True,
        "none": None,
        "nothing": "",
    }


def test_a_command_line_keeps_its_plain_words() -> None:
    argv = ["pytest", "-q", "tests/a.py", "--token=canary", "say canary", "x" * 300]
    shown = R.arguments({"argv": argv})["argv"]
    assert shown == ["pytest", "-q", "tests/a.py", "[14 characters]", "[10 characters]", "[300 characters]"]
    assert R.arguments({"argv": ["a"] * 70})["argv"][-1] == "[6 more]"


def test_names_of_arguments_that_are_none_are_numbered() -> None:
    assert R.arguments({"my secret is canary": "x", "ok": "y"}) == {
        "argument_0": "[1 characters]",
        "ok": "[1 characters]",
    }


def test_an_error_is_kept_if_it_is_one_word() -> None:
    assert R.error("FileNotFoundError") == "FileNotFoundError"
    assert R.error("no such file: canary") == "[20 characters]"


def test_digests_are_keyed() -> None:
    assert R.digest(b"a") == Redactor(b"k" * 32).digest(b"a")
    assert (
        len({R.digest(b"a"), Redactor().digest(b"a"), Redactor().digest(b"a"), R.digest(b"a", b""), R.digest(b"")}) == 5
    )
    assert R.digest(b"ab", b"c") != R.digest(b"a", b"bc")
    assert re.fullmatch("[0-9a-f]{64}", R.digest())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text() | st.sampled_from(sorted(NAMES)), ANYTHING, max_size=5))
def test_any_arguments_become_what_a_record_can_hold(args: dict[str, Any]) -> None:
    encode({"args": R.arguments(args)})


@given(st.sampled_from(sorted(NAMES)), st.text(max_size=10), st.text(max_size=10), st.sampled_from(SECRETS))
def test_no_secret_passes_whatever_stands_around_it(name: str, before: str, after: str, secret: str) -> None:
    assert secret not in json.dumps(R.arguments({name: f"{before} {secret} {after}"}), ensure_ascii=False)
