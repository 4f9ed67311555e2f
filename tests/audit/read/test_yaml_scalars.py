"""Scalars of YAML."""

from typing import Any

import pytest

from nucleus.audit.node import ReadError
from nucleus.audit.read.yaml_scalars import block_scalar, quoted, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("yes", "yes"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("3.11-slim", "3.11-slim"),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    """No booleans of YAML 1.1: ``on`` is a word."""
    assert resolve(text)[1] == value
    assert type(resolve(text)[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ('"a\\n\\x41\\u00e9\\U0001F600"', "a\nA\u00e9\U0001f600"),
        ('"one\n  two\n\n  three"', "one two\nthree"),
        ('"joined\\\n   up"', "joinedup"),
    ],
)
def test_quoted_scalars(text: str, value: str) -> None:
    assert quoted(text, 0) == (value, len(text))


@pytest.mark.parametrize("text", ['"open', "'open", '"\\q"', '"\\x4"', '"\\UFFFFFFFF"'])
def test_bad_quotes_are_refused(text: str) -> None:
    with pytest.raises(ReadError):
        quoted(text, 0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("|\n  a\n  b\n", "a\nb\n"),
        ("|-\n  a\n", "a"),
        (">\n  a\n  b\n\n  c\n", "a b\nc\n"),
        ("|2\n    a\n", "  a\n"),
        ("| # note\n  a\n", "a\n"),
        ("|\nnext: 1", ""),
    ],
)
def test_block_scalars(text: str, value: str) -> None:
    assert block_scalar(text, 0, 0)[0] == value
