"""floating-action: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@main

""",
}
PRINTED = """\
medium[floating-action]: 'main' can be other code tomorrow; name the commit
 --> .github/workflows/agent.yml:9:15
  |
9 |       - uses: anthropics/claude-code-action@main
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789

""",
}


def test_a_branch_is_found() -> None:
    """A branch is found."""
    assert printed("floating-action", FOUND) == PRINTED


def test_a_commit_is_not() -> None:
    """A commit is not."""
    assert printed("floating-action", LEFT_ALONE) == ""
