"""agent-open-to-strangers: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  issues:
    types: [opened]
permissions:
  contents: write
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          allowed_non_write_users: "*"
          prompt: Fix this issue

""",
}
PRINTED = """\
high[agent-open-to-strangers]: anybody can start this agent (issues) and its token can write contents
 --> .github/workflows/agent.yml:12:36
   |
12 |           allowed_non_write_users: "*"
   |                                    ^^^
  = and: .github/workflows/agent.yml:5:3: what the token can do
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  issue_comment:
    types: [created]
permissions:
  contents: write
jobs:
  agent:
    runs-on: ubuntu-latest
    if: github.event.comment.author_association == 'OWNER'
    steps:
      - run: codex exec "fix"

""",
}


def test_an_agent_for_everybody_with_a_write_token_is_found() -> None:
    """An agent for everybody with a write token is found."""
    assert printed("agent-open-to-strangers", FOUND) == PRINTED


def test_a_checked_author_is_not() -> None:
    """A checked author is not."""
    assert printed("agent-open-to-strangers", LEFT_ALONE) == ""
