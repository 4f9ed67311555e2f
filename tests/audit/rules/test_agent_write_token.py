"""agent-write-token: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: write
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789

""",
}
PRINTED = """\
medium[agent-write-token]: this agent's token can write contents
 --> .github/workflows/agent.yml:4:3
  |
4 |   contents: write
  |   ^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
  pull-requests: write
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789

""",
}


def test_a_token_that_changes_code_is_found() -> None:
    """A token that changes code is found."""
    assert printed("agent-write-token", FOUND) == PRINTED


def test_a_token_for_comments_is_not() -> None:
    """A token for comments is not."""
    assert printed("agent-write-token", LEFT_ALONE) == ""
