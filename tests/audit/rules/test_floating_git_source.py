"""floating-git-source: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".vscode/mcp.json": """\
{
  "servers": {
    "x": { "command": "uvx", "args": ["--from", "git+https://example.com/a/b", "b"] }
  }
}
""",
}
PRINTED = """\
medium[floating-git-source]: server 'x' is built from whatever this repository holds today; add @ and a full commit
 --> .vscode/mcp.json:3:49
  |
3 |     "x": { "command": "uvx", "args": ["--from", "git+https://example.com/a/b", "b"] }
  |                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".vscode/mcp.json": """\
{ "servers": { "x": { "command": "uvx", "args": ["--from", "git+https://example.com/a/b@0123456789abcdef0123456789abcdef01234567", "b"] } } }
""",
}


def test_a_repository_without_a_commit_is_found() -> None:
    """A repository without a commit is found."""
    assert printed("floating-git-source", FOUND) == PRINTED


def test_a_full_commit_is_not() -> None:
    """A full commit is not."""
    assert printed("floating-git-source", LEFT_ALONE) == ""
