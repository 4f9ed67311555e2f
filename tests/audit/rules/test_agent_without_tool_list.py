"""agent-without-tool-list: what is printed, to the letter, and what is left alone."""

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
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          prompt: Review this

""",
}
PRINTED = """\
low[agent-without-tool-list]: this agent may use every tool that it has; list those it needs
 --> .github/workflows/agent.yml:9:15
  |
9 |       - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
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
        with:
          claude_args: --allowedTools "Read,Grep"

""",
}


def test_an_agent_without_a_list_of_tools_is_found() -> None:
    """An agent without a list of tools is found."""
    assert printed("agent-without-tool-list", FOUND) == PRINTED


def test_a_listed_set_is_not() -> None:
    """A listed set is not."""
    assert printed("agent-without-tool-list", LEFT_ALONE) == ""
