"""floating-package: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "docs": { "command": "npx", "args": ["-y", "@scope/docs-mcp@latest"] }
  }
}
""",
}
PRINTED = """\
low[floating-package]: server 'docs' runs whatever version of this package is newest; name one: @scope/docs-mcp@X.Y.Z
 --> .mcp.json:3:48
  |
3 |     "docs": { "command": "npx", "args": ["-y", "@scope/docs-mcp@latest"] }
  |                                                ^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "a": { "command": "npx", "args": ["-y", "@scope/docs-mcp@2.1.4"] },
    "b": { "command": "uvx", "args": ["tool==1.2.3"] },
    "c": { "command": "npx", "args": ["./local"] }
  }
}
""",
}


def test_a_package_without_an_exact_version_is_found() -> None:
    """A package without an exact version is found."""
    assert printed("floating-package", FOUND) == PRINTED


def test_exact_versions_and_local_paths_are_not() -> None:
    """Exact versions and local paths are not."""
    assert printed("floating-package", LEFT_ALONE) == ""
