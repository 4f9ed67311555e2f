"""bidirectional-text: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "AGENTS.md": """\
Never run \u202ermt .
""",
}
PRINTED = """\
high[bidirectional-text]: U+202E shows this line in another order than it is stored
 --> AGENTS.md:1:11
  |
1 | Never run \ufffdrmt .
  |           ^
  = fix: take them out (--fix)
"""
LEFT_ALONE = {
    "AGENTS.md": """\
Never run rm.
""",
}


def test_an_override_is_found() -> None:
    """An override is found."""
    assert printed("bidirectional-text", FOUND) == PRINTED


def test_plain_text_is_not() -> None:
    """Plain text is not."""
    assert printed("bidirectional-text", LEFT_ALONE) == ""
